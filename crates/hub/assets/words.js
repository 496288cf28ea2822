// Words for sizes and times, and one way to make elements.

export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key in node && key !== 'list' && key !== 'form') node[key] = value;
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

export const byId = (id) => document.getElementById(id);

export function icon(name) {
  const node = el('i', { className: `i i-${name}` });
  node.setAttribute('aria-hidden', 'true');
  return node;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function size(bytes) {
  let unit = 0;
  let n = bytes;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || n >= 100 ? 0 : 1;
  return `${n.toFixed(digits)} ${UNITS[unit]}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const date = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });

export function ago(ms, now = Date.now()) {
  const minutes = Math.round((ms - now) / 60000);
  if (minutes > -1 && minutes < 2) return 'now';
  if (minutes <= -1 && minutes > -60) return relative.format(minutes, 'minute');
  const then = new Date(ms);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return clock.format(then);
  const days = Math.round((new Date(then.toDateString()) - new Date(today.toDateString())) / 864e5);
  if (days <= -1 && days > -7) return `${relative.format(days, 'day')}, ${clock.format(then)}`;
  return then.getFullYear() === today.getFullYear() ? day.format(then) : date.format(then);
}

export function time(ms, className) {
  const at = new Date(ms);
  const node = el('time', { dateTime: at.toISOString(), title: full.format(at), className });
  node.dataset.ms = ms;
  node.textContent = ago(ms);
  return node;
}

// Relative times go on while the page stands open.
setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  for (const node of document.querySelectorAll('time[data-ms]')) {
    const text = ago(Number(node.dataset.ms), now);
    if (node.textContent !== text) node.textContent = text;
  }
}, 20000);
