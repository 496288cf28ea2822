// A look at a file without leaving the page. Text is shown as text and never as markup.

import { byId, el, size } from './words.js';

const TEXT_BYTES_MAX = 256 * 1024;
const IMAGE = /\.(png|jpe?g|gif|webp|avif|svg|bmp|ico)$/i;
const TEXT = /(^|\/)(readme|license|makefile|changelog)$|\.(txt|md|markdown|log|csv|tsv|json|jsonl|toml|ya?ml|ini|conf|xml|html?|css|m?js|ts|rs|py|c|h|cpp|hpp|go|java|sh|sql|diff|patch|srt)$/i;

export const canLook = (entry) => IMAGE.test(entry.name) || TEXT.test(entry.name);

async function text(path, bytes) {
  const answer = await fetch(path, bytes > TEXT_BYTES_MAX ? { headers: { Range: `bytes=0-${TEXT_BYTES_MAX - 1}` } } : {});
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  const shown = el('pre', { textContent: await answer.text() });
  shown.dir = 'auto';
  if (bytes <= TEXT_BYTES_MAX) return [shown];
  return [shown, el('p', { className: 'hint', textContent: `The first ${size(TEXT_BYTES_MAX)} of ${size(bytes)}.` })];
}

export async function look(entry, path, from) {
  const dialog = byId('look');
  const body = byId('look-body');
  byId('look-title').textContent = entry.name;
  byId('look-open').href = path;
  byId('look-save').href = path;
  byId('look-save').download = entry.name;
  body.replaceChildren(el('p', { className: 'hint', textContent: 'Reading…' }));
  body.scrollTop = 0;
  dialog.showModal();
  dialog.onclose = () => {
    body.replaceChildren();
    from?.focus();
  };
  try {
    const nodes = IMAGE.test(entry.name) ? [el('img', { src: path, alt: entry.name })] : await text(path, entry.size);
    if (dialog.open && byId('look-save').download === entry.name) body.replaceChildren(...nodes);
  } catch (error) {
    body.replaceChildren(el('p', { className: 'hint', textContent: error.message }));
  }
}

byId('look-close').addEventListener('click', () => byId('look').close());
byId('look').addEventListener('click', (event) => {
  if (event.target === byId('look')) byId('look').close();
});
