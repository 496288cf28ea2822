// All of it without a mouse. The page's help lists these keys.
import * as typed from './typed.js';
import { lineAt, toEnd, walk } from './view-log.js';

const PARTS = ['#rooms', '#log', '#text', '#members'];

// Goes to the next part of the page that is to be seen.
function part(by) {
  const at = PARTS.findIndex((each) => document.activeElement.closest(each)) + PARTS.length;
  for (let n = 1; n <= PARTS.length; n += 1) {
    const node = document.querySelector(PARTS[(at + by * n) % PARTS.length]);
    const to = node.matches('nav, aside') ? node.querySelector('button') : node;
    if (to?.checkVisibility()) return to.focus();
  }
  return undefined;
}

export function keys({ act, deal, here, panel, ui, line }) {
  // Gives false where the key is not ours.
  function inLog({ key, target }) {
    const how = { r: 'reply', e: 'react', Delete: 'redact' }[key];
    if (how) return deal(how, lineAt(target, here()));
    if (key === 'ArrowUp' && !target.previousElementSibling?.previousElementSibling) act(typed.ask, here(), true);
    return walk(key);
  }

  function anywhere({ key, ctrlKey, metaKey, shiftKey, altKey }) {
    const command = ctrlKey || metaKey;
    const low = key.toLowerCase();
    if (altKey && /^Arrow(Up|Down)$/.test(key)) return act(typed.step, key === 'ArrowUp' ? -1 : 1, shiftKey);
    if (command && low === 'k') return ui.join();
    if (command && shiftKey && low === 'f') return ui.find();
    if (key === 'F6') return part(shiftKey ? -1 : 1);
    if (key === 'F1') return ui.help();
    if (key !== 'Escape') return false;
    panel();
    line.answer(null);
    return toEnd();
  }

  addEventListener('keydown', (event) => {
    if (document.querySelector('dialog[open]')) return;
    const { target, ctrlKey, metaKey, altKey } = event;
    const reads = target.closest('#log') && !target.closest('button') && !(ctrlKey || metaKey || altKey);
    if ((reads && inLog(event) !== false) || anywhere(event) !== false) event.preventDefault();
  });
}
