// The line to write in: sends, completes names, replies, tells that we type.
import { byId } from './dom.js';
import { complete } from './lines.js';
import * as typed from './typed.js';

const IDLE_MS = 5000;
const HEIGHT_MAX_PX = 180;

export function composer({ act, here }) {
  const text = byId('text');
  const drafts = new Map();
  let [reply, shown, turn, idle] = [null, undefined, {}, 0];

  function grow() {
    text.style.height = 'auto';
    text.style.height = `${Math.min(text.scrollHeight + 2, HEIGHT_MAX_PX)}px`;
  }

  function answer(to) {
    reply = to;
    byId('replying').hidden = !to;
    byId('reply-to').textContent = to ? `To ${to.nick}: ${to.text.slice(0, 80)}` : '';
    text.focus();
  }

  function tell(how) {
    if (here()) act(typed.typing, here(), how, Date.now());
  }

  function send() {
    const words = text.value;
    if (!words.trim()) return;
    text.value = '';
    grow();
    tell('done');
    act(typed.typed, words, Date.now(), reply?.id);
    answer(null);
  }

  function tab(event) {
    const nicks = [...here()?.members.values() ?? []].map(({ nick }) => nick).sort();
    if (turn.after !== text.value) turn = { n: 0, text: text.value, caret: text.selectionStart };
    const done = complete(turn.text, turn.caret, nicks, turn.n);
    if (!done) return;
    event.preventDefault();
    turn.n += 1;
    turn.after = done.text;
    text.value = done.text;
    text.setSelectionRange(done.caret, done.caret);
  }

  text.onkeydown = (event) => {
    const { key, shiftKey, altKey } = event;
    if (event.isComposing || shiftKey || altKey) return;
    if (key === 'Tab') tab(event);
    else if (key === 'Enter') {
      event.preventDefault();
      send();
    } else if (key === 'ArrowUp' && !text.value) {
      event.preventDefault();
      [...document.querySelectorAll('#log article')].at(-1)?.focus();
    }
  };
  text.oninput = () => {
    grow();
    clearTimeout(idle);
    const silent = !text.value || text.value[0] === '/';
    tell(silent ? 'done' : 'active');
    if (!silent) idle = setTimeout(tell, IDLE_MS, 'paused');
  };
  byId('say').onsubmit = (event) => {
    event.preventDefault();
    send();
  };
  byId('no-reply').onclick = () => answer(null);

  return {
    answer,
    // Each room has its own line that is not sent yet.
    turnTo(name) {
      if (name === shown) return;
      drafts.set(shown, text.value);
      shown = name;
      text.value = drafts.get(name) ?? '';
      reply = null;
      byId('replying').hidden = true;
      grow();
    },
  };
}
