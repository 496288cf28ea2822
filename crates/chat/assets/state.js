// All that the page knows, and the changes of it. Rules:
// 1. A room's lines stand in the order of the server's log, each once (by its msgid).
// 2. While a room catches up, what comes live is held back until the gap is closed.
// 3. What we say waits beside the lines until the server has sent it back.
// Nothing here knows of sockets, clocks or the page; what is to be sent gathers in `out`.
import { fold } from './wire.js';

const LINES_MAX = 3000;
const LOOSE_MAX = 500;

// wish: { nick, account, password, pass, rooms: [name], read: { key: ms } }
export const fresh = (wish) => ({
  phase: 'off', wish, nick: wish.nick, account: '', caps: new Set(), offered: new Map(),
  isupport: {}, rooms: new Map(), current: '', batches: new Map(), labels: new Map(),
  serial: 0, directory: [], guess: false, out: [], wanted: '', refused: '', notice: '',
});

export const key = (state, name) => fold(name, state.isupport.CASEMAPPING);
export const same = (state, a, b) => key(state, a) === key(state, b);
export const isMe = (state, nick) => same(state, nick, state.nick);
export const isChannel = (state, name) => Boolean(name) && (state.isupport.CHANTYPES ?? '#&').includes(name[0]);
export const room = (state, name) => state.rooms.get(key(state, name));
export const send = (state, line) => state.out.push(line);
export const next = (state) => { state.serial += 1; return state.serial; };

export function openRoom(state, name) {
  const id = key(state, name);
  if (!state.rooms.has(id)) {
    state.rooms.set(id, {
      key: id, name, isChannel: isChannel(state, name), joined: false, topic: '', members: new Map(),
      names: null, lines: [], ids: new Map(), waiting: [], held: null, asked: '', atStart: false,
      read: state.wish.read[id] ?? 0, mark: 0, unread: 0, mentions: 0, typing: new Map(), loose: [],
    });
  }
  state.current ||= id;
  return state.rooms.get(id);
}

export function closeRoom(state, place) {
  state.rooms.delete(place.key);
  if (state.current === place.key) state.current = [...state.rooms.keys()][0] ?? '';
}

// Chosen by the user: what is new from here on is marked.
export function show(state, place) {
  state.current = place.key;
  place.mark = place.read;
}

export const line = (state, parts) => ({
  key: `l${next(state)}`, id: '', nick: '', text: '', reply: '', reactions: new Map(),
  redacted: false, mention: false, own: false, failed: '', ...parts,
});

export const isSpoken = ({ kind, redacted }) => ['said', 'action', 'notice'].includes(kind) && !redacted;

function count(state, place) {
  const news = place.lines.filter((each) => each.time > place.read && isSpoken(each) && !each.own);
  place.unread = news.length;
  place.mentions = news.filter((each) => each.mention || !place.isChannel).length;
}

export function readUpTo(state, place, time) {
  if (time <= place.read) return false;
  place.read = time;
  count(state, place);
  return true;
}

// Changes a line. What comes before the line that it speaks of waits for it.
export function touch(place, id, change) {
  const found = place.ids.get(id);
  if (found) change(found);
  else place.loose = [...place.loose, { id, change }].slice(-LOOSE_MAX);
}

// Adds lines at the newer end, or at the older. Where too many are loaded the oldest go: history
// has them. Gives how many were not known.
export function add(state, place, lines, older = false) {
  const added = lines.filter(({ id }) => !id || !place.ids.has(id));
  for (const each of added) {
    if (each.id) place.ids.set(each.id, each);
    place.loose = place.loose.filter(({ id, change }) => id !== each.id || change(each));
  }
  if (older) place.lines.unshift(...added);
  else place.lines.push(...added);
  if (!older && place.lines.length > LINES_MAX) {
    for (const { id } of place.lines.splice(0, place.lines.length - LINES_MAX)) place.ids.delete(id);
    place.atStart = false;
  }
  count(state, place);
  return added.length;
}

// What comes live: held back while the room catches up.
export function arrive(state, place, each) {
  if (!each) return;
  if (place.held) place.held.push(each);
  else add(state, place, [each]);
}

export function release(state, place) {
  const held = place.held ?? [];
  place.held = null;
  add(state, place, held);
}

// A word of the program's own, in the room that is open.
export function inform(state, text, time) {
  const place = state.rooms.get(state.current);
  if (place) add(state, place, [line(state, { kind: 'info', text, time })]);
  else state.notice = text;
}

// Somebody's reaction, taken off or put on.
export const react = (reaction, nick, on) => ({ reactions }) => {
  const nicks = reactions.get(reaction) ?? new Set();
  if (on) nicks.add(nick);
  else nicks.delete(nick);
  if (nicks.size) reactions.set(reaction, nicks);
  else reactions.delete(reaction);
};
