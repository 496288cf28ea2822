// Joins the parts: what comes from the link and the user changes the state; what is to be sent goes
// to the link; what has changed is drawn, once a frame.
import { composer } from './compose.js';
import { dialogs } from './dialogs.js';
import { byId } from './dom.js';
import { begin, end } from './enter.js';
import { keys } from './keys.js';
import { makeLink } from './link.js';
import { receive } from './receive.js';
import { fresh, room } from './state.js';
import * as typed from './typed.js';
import { atEnd, draw, jump, lineAt, offer, toEnd } from './view-log.js';
import { drawSides } from './view-side.js';

const STORE = 'sockeye-chat';
const OLDER_PX = 200;
const log = byId('log');

function kept() {
  try {
    return JSON.parse(localStorage.getItem(STORE));
  } catch {
    return null;
  }
}

const state = fresh({ nick: '', account: '', rooms: [], read: {}, ...kept(), password: '', pass: '' });
const here = () => state.rooms.get(state.current);
const wanted = () => decodeURIComponent(location.hash).slice(1) && decodeURIComponent(location.hash);
if (wanted()) state.wish.rooms = [...new Set([wanted(), ...state.wish.rooms])];
let [wait, drawing] = [0, false];

function keep() {
  const places = [...state.rooms.values()];
  const rooms = places.filter(({ isChannel }) => isChannel).map(({ name }) => name);
  if (state.phase === 'on' && rooms.length) state.wish.rooms = rooms;
  for (const { key, read } of places) state.wish.read[key] = read;
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...state.wish, password: '', pass: '' }));
  } catch { /* a private window keeps nothing */ }
}

function drain() {
  for (const line of state.out.splice(0)) link.send(line);
}

function paint() {
  drawing = false;
  const place = here();
  line.turnTo(state.current);
  draw(state, place);
  if (place && document.hasFocus() && atEnd()) typed.seen(state, place);
  drawSides(state, place, Date.now(), wait);
  offer(place, document.activeElement.closest('article'));
  if (byId('join').open) ui.rooms();
  drain();
  keep();
}

function changed() {
  drain();
  if (drawing) return;
  drawing = true;
  if (document.hidden) setTimeout(paint, 200);
  else requestAnimationFrame(paint);
}

// Every change passes here.
function act(change, ...more) {
  state.notice = '';
  change(state, ...more);
  changed();
}

const url = new URL('.', location.href);
url.protocol = url.protocol.replace('http', 'ws');
const link = makeLink(url.href, {
  open: () => act(begin),
  line(text) {
    receive(state, text, Date.now());
    if (state.phase === 'on') link.settled();
    if (state.phase === 'refused') {
      link.close();
      act(end);
      ui.enter(state.refused);
    }
    changed();
  },
  close(ms) {
    wait = ms;
    act(end);
  },
  ping: () => link.send('PING here'),
});

const ui = dialogs(state, {
  act,
  here,
  jump(place, { id }) {
    typed.show(state, place);
    paint();
    jump(place, id);
  },
  enter(wish) {
    Object.assign(state.wish, wish);
    act(end);
    link.open();
  },
});
const line = composer({ act, here });

// On small screens the lists lie over the messages, one at a time.
function panel(name) {
  for (const id of ['rooms', 'members']) {
    const open = id === name && !byId(id).classList.contains('open');
    byId(id).classList.toggle('open', open);
    byId(`to-${id}`).ariaExpanded = open;
    if (open) byId(id).querySelector('button').focus();
  }
}

function deal(how, to) {
  if (!to?.id || to.redacted) return;
  if (how === 'reply') line.answer(to);
  if (how === 'react') ui.react(here(), to);
  if (how === 'redact' && to.own) act(typed.redact, here(), to);
}

const CLICKS = {
  room(name) {
    act(typed.join, name);
    panel();
    byId('text').focus();
  },
  leave: (name) => act(typed.leave, room(state, name)),
  jump: (id) => jump(here(), id),
  react: (reaction, node) => act(typed.react, here(), lineAt(node, here()), reaction),
  act: (how) => deal(how, here()?.ids.get(byId('acts').dataset.for)),
  panel,
  open: (what) => ui[what](''),
};
addEventListener('click', ({ target }) => {
  const node = target.closest('button');
  for (const [name, value] of Object.entries(node?.dataset ?? {})) CLICKS[name]?.(value, node);
});
byId('newest').onclick = toEnd;

for (const event of ['focusin', 'mouseover', 'click']) {
  log.addEventListener(event, ({ target }) => offer(here(), target.closest('article')));
}
log.addEventListener('scroll', () => {
  byId('acts').hidden = true;
  if (here() && log.scrollTop < OLDER_PX) act(typed.ask, here(), true);
  else if (atEnd() !== byId('newest').hidden) changed();
});

keys({ act, deal, here, panel, ui, line });
addEventListener('focus', changed);
addEventListener('hashchange', () => wanted() && CLICKS.room(wanted()));
setInterval(() => here()?.typing.size && changed(), 1000);

byId('app').hidden = false;
if (state.wish.nick && !state.wish.account) link.open();
else ui.enter('');
changed();
