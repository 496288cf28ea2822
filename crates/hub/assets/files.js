// The files: browsed in place, the folder in the address (#/sub/), as JSON from the folder itself.

import { byId, el, icon, size, time } from './words.js';
import { canLook, look } from './look.js';

const ROWS_MAX = 1000;
const order = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

const KINDS = [
  ['image', /\.(png|jpe?g|gif|webp|avif|svg|bmp|ico|heic|tiff?)$/i],
  ['video', /\.(mp4|webm|mkv|mov|avi|m4v)$/i],
  ['audio', /\.(mp3|ogg|opus|flac|wav|m4a|aac)$/i],
  ['archive', /\.(zip|tar|gz|tgz|xz|zst|bz2|7z|rar|deb|rpm|iso)$/i],
  ['text', /\.(txt|md|markdown|log|csv|json|toml|ya?ml|ini|conf|pdf|docx?|odt|html?|css|js|ts|rs|py|c|h|cpp|go|java|sh)$/i],
];

export function kindOf(entry) {
  if (entry.folder) return 'folder';
  return KINDS.find(([, names]) => names.test(entry.name))?.[0] ?? 'file';
}

// The folder in the address, as encoded segments: a name need not be UTF-8.
function folderHere() {
  if (!location.hash.startsWith('#/')) return [];
  return location.hash.slice(2).split('/').filter((part) => !['', '.', '..'].includes(part));
}

const pathOf = (folder) => `/${folder.map((part) => `${part}/`).join('')}`;

function shown(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function openFiles() {
  const rows = byId('rows');
  const empty = byId('empty');
  const filter = byId('filter');
  let folder = [];
  let entries = [];
  let sort = { by: 'name', down: false };
  let loading = null;

  function crumbs() {
    const link = (text, to, here) => {
      const a = el('a', { href: `#${pathOf(to)}`, textContent: text });
      if (here) a.setAttribute('aria-current', 'page');
      return a;
    };
    const all = [link('All files', [], folder.length === 0)];
    folder.forEach((name, at) => {
      all.push(icon('next'), link(shown(name), folder.slice(0, at + 1), at === folder.length - 1));
    });
    byId('crumbs').replaceChildren(...(folder.length > 0 ? all : []));
  }

  function row(entry) {
    const path = pathOf(folder) + entry.part;
    const href = entry.folder ? `#${path}/` : path;
    const name = el('a', { className: 'name', href }, icon(kindOf(entry)), el('bdi', { textContent: entry.name }));
    if (!entry.folder && canLook(entry)) {
      name.addEventListener('click', (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        look(entry, path, name);
      });
    }
    const save = el('td', { className: 'get' });
    if (!entry.folder) {
      const a = el('a', { href: path, download: entry.name, title: 'Download' }, icon('save'));
      a.setAttribute('aria-label', `Download ${entry.name}`);
      save.append(a);
    }
    const bytes = entry.folder ? '' : size(entry.size);
    return el('tr', {},
      el('td', {}, name),
      el('td', { className: 'num', textContent: bytes }),
      el('td', { className: 'when' }, entry.time ? time(entry.time) : ''),
      save);
  }

  function compare(a, b) {
    if (a.folder !== b.folder) return a.folder ? -1 : 1;
    const names = order.compare(a.name, b.name);
    const way = sort.by === 'name' ? names : a[sort.by] - b[sort.by] || names;
    return sort.down ? -way : way;
  }

  function draw(all = false) {
    const words = filter.value.trim().toLowerCase();
    const found = entries.filter((entry) => entry.name.toLowerCase().includes(words)).sort(compare);
    const shown = all ? found : found.slice(0, ROWS_MAX);
    rows.replaceChildren(...shown.map(row));
    if (shown.length < found.length) {
      const more = el('button', { className: 'button', type: 'button', textContent: `Show all ${found.length}` });
      more.addEventListener('click', () => draw(true));
      rows.append(el('tr', {}, el('td', { colSpan: 4 }, more)));
    }
    empty.hidden = found.length > 0;
    empty.textContent = entries.length > 0 ? 'No name here contains that.' : 'Nothing is in this folder yet.';
    for (const head of document.querySelectorAll('th[data-sort]')) {
      if (head.dataset.sort === sort.by) head.setAttribute('aria-sort', sort.down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
  }

  async function load(keepsFocus) {
    loading?.abort();
    const own = new AbortController();
    loading = own;
    const wanted = folderHere();
    try {
      const answer = await fetch(`${pathOf(wanted)}?json`, { signal: own.signal, headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(answer.status === 404 ? 'This folder is not there.' : `The server answered ${answer.status}.`);
      const listing = await answer.json();
      folder = wanted;
      entries = listing.entries.map((entry) => ({
        name: entry.name,
        part: entry.url.replace(/^\.\//, '').replace(/\/$/, ''),
        folder: entry.kind === 'folder',
        size: entry.size ?? 0,
        time: Date.parse(entry.modified ?? '') || 0,
      }));
      crumbs();
      draw();
      if (!keepsFocus) byId('files-scroll').scrollTop = 0;
    } catch (error) {
      if (own.signal.aborted) return;
      folder = wanted;
      entries = [];
      crumbs();
      draw();
      empty.textContent = error instanceof TypeError ? 'The server cannot be reached.' : error.message;
    }
  }

  for (const head of document.querySelectorAll('th[data-sort]')) {
    const by = head.dataset.sort;
    const button = el('button', { type: 'button', textContent: head.textContent });
    button.addEventListener('click', () => {
      sort = { by, down: sort.by === by ? !sort.down : by !== 'name' };
      draw();
    });
    head.replaceChildren(button);
  }
  filter.addEventListener('input', () => draw());
  filter.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || filter.value === '') return;
    filter.value = '';
    draw();
  });
  addEventListener('hashchange', () => {
    if (!location.hash.startsWith('#/') && location.hash !== '') return;
    filter.value = '';
    load(false);
  });
  let left = 0;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) left = Date.now();
    else if (Date.now() - left > 10000) load(true);
  });
  load(true);
}
