// The room: a WebSocket that comes back by itself, and what it says.

import { byId, el, time } from './words.js';

const LINES_MAX = 500;
const GROUP_MS = 5 * 60000;
const LINK = /https?:\/\/[^\s<>"'`]+/g;
const COLOURS = 8;

function colour(nick) {
  let sum = 0;
  for (const char of nick.toLowerCase()) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return `n${sum % COLOURS}`;
}

// A link ends before the punctuation that ends a sentence, and before a bracket it did not open.
function trimmed(link) {
  let end = link.length;
  for (;;) {
    const last = link[end - 1];
    const open = { ')': '(', ']': '[', '}': '{' }[last];
    const part = link.slice(0, end);
    const unopened = open && part.split(open).length < part.split(last).length;
    if (!unopened && !/[.,;:!?]/.test(last)) return part;
    end -= 1;
  }
}

function words(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0]);
    let url;
    try {
      url = new URL(link);
    } catch {
      continue;
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') continue;
    nodes.push(text.slice(at, match.index));
    nodes.push(el('a', { href: url.href, textContent: link, target: '_blank', rel: 'noopener noreferrer nofollow' }));
    at = match.index + link.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

const name = (nick) => el('bdi', { className: `who ${colour(nick)}`, textContent: nick });

export function openRoom({ isShown }) {
  const log = byId('log');
  const line = byId('line');
  const me = byId('me');
  const newer = byId('newer');
  const title = document.body.dataset.name;
  let socket = null;
  let nick = '';
  let members = new Set();
  let last = null;
  let unread = 0;
  let marker = null;
  let tries = 0;
  let timer = 0;
  let wishes = 0;
  let came = null;

  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 48;
  const toEnd = () => {
    log.scrollTop = log.scrollHeight;
  };

  function read() {
    unread = 0;
    byId('unread').hidden = true;
    newer.hidden = true;
    document.title = title;
  }

  function count() {
    unread += 1;
    if (!marker?.isConnected) {
      marker = el('p', { className: 'marker' }, el('span', { textContent: 'new' }));
      log.append(marker);
      last = null;
    }
    const badge = byId('unread');
    badge.hidden = false;
    badge.textContent = unread > 99 ? '99+' : String(unread);
    badge.setAttribute('aria-label', `, ${unread} new`);
    newer.hidden = false;
    document.title = `(${unread}) ${title}`;
  }

  // Before a line is made: counts what is not seen, and says whether the log is to follow it.
  function arrives(silent) {
    const stays = !document.hidden && isShown() && atEnd();
    if (!stays && !silent) count();
    else if (stays && marker && !silent) {
      marker.remove();
      marker = null;
    }
    return stays || silent;
  }

  function add(node, stays) {
    log.append(node);
    while (log.childElementCount > LINES_MAX) log.firstElementChild.remove();
    if (stays) toEnd();
  }

  function message({ nick: from, text, action, time: ms }, silent) {
    const own = from === nick;
    const stays = arrives(silent || own);
    const calls = !own && nick.length > 2 && text.toLowerCase().includes(nick.toLowerCase());
    const follows = !action && last && last.from === from && ms - last.ms < GROUP_MS;
    const kind = `${action ? 'action' : 'said'}${own ? ' own' : ''}${calls ? ' calls' : ''}${follows ? ' follows' : ''}`;
    const said = el('span', { className: 'text', dir: 'auto' }, ...words(text));
    const node = el('p', { className: kind }, name(from), time(ms), said);
    add(node, stays);
    last = action ? null : { from, ms };
    if (own) {
      toEnd();
      read();
    }
  }

  // Who comes and goes is not counted; what is announced is.
  function event(nodes, ms, { counts = false, className = 'event' } = {}) {
    const stays = counts ? arrives(false) : atEnd();
    const said = el('span', { className: 'text', dir: 'auto' }, ...nodes);
    add(el('p', { className }, said, ...(ms ? [time(ms)] : [])), stays);
    last = null;
  }

  function people() {
    const names = [...members].sort((a, b) => (a === nick ? -1 : b === nick ? 1 : a.localeCompare(b)));
    const item = (one) => el('li', { className: one === nick ? 'own' : '' }, name(one), ...(one === nick ? [el('span', { className: 'you', textContent: ' (you)' })] : []));
    byId('people').replaceChildren(...names.map(item));
  }

  function rename(to) {
    nick = to;
    me.hidden = false;
    me.replaceChildren(name(to));
    me.setAttribute('aria-label', `You are ${to}. Change your name`);
    me.title = 'Change your name';
    people();
  }

  function wished() {
    try {
      return localStorage.getItem('nick');
    } catch {
      return null;
    }
  }

  function wish(to) {
    try {
      localStorage.setItem('nick', to);
    } catch { /* Storage may be off: the name lasts as long as the page. */ }
  }

  const handlers = {
    welcome(heard) {
      tries = 0;
      state('');
      log.replaceChildren();
      marker = null;
      last = null;
      busy();
      members = new Set(heard.members);
      members.add(heard.nick);
      byId('room-title').textContent = heard.room;
      rename(heard.nick);
      const to = wished();
      wishes = 3;
      if (to && to !== heard.nick) send(`/nick ${to}`);
    },
    message: (heard) => message(heard, replaying),
    join(heard) {
      members.add(heard.nick);
      people();
      event([name(heard.nick), ' came in'], heard.time);
      came = { nick: heard.nick, node: log.lastElementChild };
    },
    leave(heard) {
      members.delete(heard.nick);
      people();
      event([name(heard.nick), ' left'], heard.time);
    },
    nick({ from, to, time: ms }) {
      members.delete(from);
      members.add(to);
      if (from === nick) rename(to);
      else people();
      // Who comes in and takes a name at once has come in under that name.
      if (came?.nick === from && came.node === log.lastElementChild) {
        came.node.querySelector('.who').replaceWith(name(to));
        came = null;
        return;
      }
      event([name(from), ' is now ', name(to)], ms);
    },
    notice(heard) {
      const shared = heard.time && heard.text.match(/^(.*): (\/~inbox\/\S+)$/);
      const nodes = shared ? [el('a', { href: shared[2], textContent: shared[1] })] : words(heard.text);
      event(nodes, heard.time, { counts: !replaying && !!heard.time, className: 'event notice' });
    },
    error(heard) {
      if (wishes > 0 && /\bname\b/.test(heard.text) && wished() && wished() !== nick) {
        wishes -= 1;
        if (wishes > 0) setTimeout(() => wished() !== nick && send(`/nick ${wished()}`), 4000);
        if (wishes < 2) event([heard.text], 0, { className: 'event error' });
        return;
      }
      event([heard.text], 0, { className: 'event error' });
    },
  };

  // What was said before is not read out.
  let replaying = false;
  let quiet = 0;
  function busy() {
    replaying = true;
    log.setAttribute('aria-live', 'off');
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      replaying = false;
      log.setAttribute('aria-live', 'polite');
    }, 400);
  }

  function state(text) {
    byId('state').textContent = text;
    document.body.classList.toggle('offline', text !== '');
  }

  function connect() {
    clearTimeout(timer);
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const own = new WebSocket(`${scheme}//${location.host}/~chat`, 'sockeye.1');
    socket = own;
    own.onmessage = ({ data }) => {
      let heard;
      try {
        heard = JSON.parse(data);
      } catch {
        return;
      }
      if (Object.hasOwn(handlers, heard.type)) handlers[heard.type](heard);
    };
    own.onclose = () => {
      if (socket !== own) return;
      socket = null;
      members.clear();
      people();
      state(tries === 0 ? 'Connecting again…' : 'Cannot reach the room; trying again…');
      const wait = Math.min(15000, 500 * 2 ** tries) * (0.75 + Math.random() / 2);
      tries += 1;
      timer = setTimeout(connect, wait);
    };
  }

  function send(text) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(text);
    return true;
  }

  function soon() {
    if (!socket && !document.hidden) {
      tries = 0;
      connect();
    }
  }
  addEventListener('online', soon);
  document.addEventListener('visibilitychange', () => {
    soon();
    if (!document.hidden && isShown() && atEnd()) read();
  });
  document.addEventListener('view', () => {
    if (!isShown()) return;
    if (marker) marker.scrollIntoView({ block: 'center' });
    else toEnd();
    if (atEnd()) read();
  });
  log.addEventListener('scroll', () => {
    if (unread > 0 && !document.hidden && isShown() && atEnd()) read();
  });
  newer.addEventListener('click', () => {
    toEnd();
    read();
    line.focus();
  });

  // The name: a button that turns into a field.
  const field = byId('nick-field');
  const input = byId('nick');
  field.hidden = true;
  function edit(open) {
    field.hidden = !open;
    me.hidden = open;
    if (!open) return;
    input.value = nick;
    input.focus();
    input.select();
  }
  function take() {
    const to = input.value.trim();
    edit(false);
    if (!to || to === nick) return;
    wish(to);
    wishes = 0;
    send(`/nick ${to}`);
  }
  me.addEventListener('click', () => edit(true));
  input.addEventListener('blur', () => !field.hidden && take());
  input.addEventListener('keydown', (event_) => {
    if (event_.key === 'Enter') {
      event_.preventDefault();
      take();
      me.focus();
    } else if (event_.key === 'Escape') {
      edit(false);
      me.focus();
    }
  });

  byId('say').addEventListener('submit', (event_) => {
    event_.preventDefault();
    const text = line.value;
    if (text.trim() === '') return;
    if (send(text)) {
      if (/^\/nick\s+\S/i.test(text)) wish(text.trim().split(/\s+/)[1]);
      line.value = '';
      marker?.remove();
      marker = null;
    } else {
      state('Not sent: the room cannot be reached just now.');
    }
    line.focus();
  });

  toEnd();
  connect();
  return { nick: () => nick };
}
