// What scripts add to the page: sorting and views in place, the filter, arrow keys, local time.
// Without them all of it but the filter is done by links.

const root = document.documentElement;
const body = document.getElementById('rows');
const said = document.getElementById('said');
const filter = document.getElementById('filter');
const heads = [...document.querySelectorAll('th a')];
const views = [...document.querySelectorAll('.views a')];

// Rows are ordered by numbers: the server says the place by name, unless it is the order of rows.
let rows = [];
function read() {
  rows = [...body.rows].map((row, at) => {
    const [name, size, time] = row.cells;
    return {
      row,
      link: name.firstElementChild,
      text: name.textContent.toLowerCase(),
      folder: row.classList.contains('dir'),
      name: Number(row.dataset.n ?? at),
      size: Number(size.firstElementChild?.value ?? 0),
      time: Date.parse(time.firstElementChild?.dateTime ?? '') || -1,
    };
  });
  rows.forEach(local);
  show(root.dataset.view);
  if (filter.value !== '') narrow();
}

const two = (number) => String(number).padStart(2, '0');
function local({ row, time }) {
  if (time < 0) return;
  const at = new Date(time);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const shown = row.cells[2].firstElementChild;
  shown.textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
  shown.title = shown.dateTime;
}

// The address says what is shown, so that it can be kept, sent and reloaded.
function write() {
  const query = new URLSearchParams(location.search);
  const head = heads.find((one) => one.parentElement.hasAttribute('aria-sort'));
  const down = head.parentElement.getAttribute('aria-sort') === 'descending';
  const set = (key, value, usual) => (value === usual ? query.delete(key) : query.set(key, value));
  set('sort', head.dataset.sort, 'name');
  set('order', down ? 'desc' : 'asc', 'asc');
  set('view', root.dataset.view, 'list');
  const text = query.toString().replaceAll('=&', '&').replace(/=$/, '');
  history.replaceState(null, '', text === '' ? location.pathname : `?${text}`);
}

function sort(head) {
  const cell = head.parentElement;
  const by = head.dataset.sort;
  const was = cell.getAttribute('aria-sort');
  const down = was === null ? by !== 'name' : was === 'ascending';
  const way = down ? -1 : 1;
  rows.sort((a, b) => b.folder - a.folder || way * (a[by] - b[by] || a.name - b.name));
  body.replaceChildren(...rows.map(({ row }) => row));
  for (const other of heads) other.parentElement.removeAttribute('aria-sort');
  cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  said.textContent = `Sorted by ${cell.textContent}, ${cell.getAttribute('aria-sort')}`;
  write();
}

// The icon is behind a picture, and stays where there is none to be had.
function picture(row) {
  const link = row.cells[0].firstElementChild;
  if (link.querySelector('img')) return;
  const image = new Image();
  image.loading = 'lazy';
  image.decoding = 'async';
  image.alt = 'Picture';
  image.src = link.href;
  link.firstElementChild.after(image);
}

function show(view) {
  root.dataset.view = view;
  for (const link of views) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  if (view === 'grid') body.querySelectorAll('[data-picture]').forEach(picture);
}

// Every word must be in the name.
function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const one of rows) {
    const fits = words.every((word) => one.text.includes(word));
    if (one.row.hidden === fits) one.row.hidden = !fits;
    if (fits) count += 1;
  }
  document.getElementById('none').hidden = count > 0;
  document.getElementById('count').textContent =
    words.length === 0 ? '' : `${count} of ${rows.length} shown`;
}

// Arrows go from one entry to the next; in the grid also up and down, to the nearest of the line.
function step(from, key) {
  const up = document.querySelector('.up a');
  const shown = rows.filter(({ row }) => !row.hidden).map(({ link }) => link);
  const links = up ? [up, ...shown] : shown;
  if (key === 'Home') return links[0];
  if (key === 'End') return links.at(-1);
  const at = links.indexOf(from);
  const grid = root.dataset.view === 'grid';
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    return grid ? links[at + (key === 'ArrowLeft' ? -1 : 1)] : null;
  }
  const way = key === 'ArrowDown' ? 1 : -1;
  if (!grid || from === up) return links[at + way];
  const here = from.getBoundingClientRect();
  let best = null;
  for (let next = at + way; links[next]; next += way) {
    const box = links[next].getBoundingClientRect();
    if (Math.abs(box.top - here.top) < 1) continue;
    if (best && Math.abs(box.top - best.top) > 1) break;
    const far = Math.abs(box.left - here.left);
    if (!best || far < best.far) best = { far, top: box.top, link: links[next] };
  }
  return best?.link;
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
  const at = event.target;
  if (at === filter) {
    if (event.key === 'Escape' && filter.value !== '') {
      filter.value = '';
      narrow();
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      rows.find(({ row }) => !row.hidden)?.link.focus();
    }
  } else if (event.key === '/' && !at.matches('input, textarea, select')) {
    event.preventDefault();
    filter.focus();
    filter.select();
  } else if (/^(Arrow|Home$|End$)/.test(event.key) && at.matches('tbody a')) {
    const next = step(at, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
});

function plain(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}

for (const head of heads) {
  head.addEventListener('click', (event) => {
    if (!plain(event)) return;
    event.preventDefault();
    sort(head);
  });
}

for (const link of views) {
  link.addEventListener('click', (event) => {
    if (!plain(event)) return;
    event.preventDefault();
    show(link.dataset.view);
    write();
    try {
      localStorage.setItem('view', link.dataset.view);
    } catch { /* Not kept then. */ }
  });
}

filter.addEventListener('input', narrow);

// Other folders are shown as this one is.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a.in');
  if (link) link.search = location.search;
}, true);

document.addEventListener('error', (event) => {
  if (event.target.matches?.('#rows img')) event.target.remove();
}, true);

document.addEventListener('rows', read);
document.querySelector('.utc').remove();
read();
