// What the user does: each is a change of the state and lines to send.
import { ask, list, say } from './enter.js';
import { closeRoom, inform, isChannel, isMe, line, openRoom, readUpTo, room, send, show } from './state.js';
import { format, pieces } from './wire.js';

export { ask, list, show };

const BYTES_MAX = 390;
const TYPING_MS = 3000;

// Says a text in a room: several lines are one message where the server knows such.
function speak(state, place, text, now, kind = 'said', reply = '') {
  const lines = text.split('\n').flatMap((each) => pieces(each.trimEnd(), BYTES_MAX));
  const whole = state.caps.has('draft/multiline') && kind === 'said' && lines.length < 10;
  for (const part of whole ? [lines.join('\n')] : lines) {
    const said = line(state, { kind, text: part, time: now, nick: state.nick, reply, own: true });
    place.waiting.push(said);
    if (state.phase === 'on' && !place.held && (place.joined || !place.isChannel)) say(state, place, said);
  }
  place.mark = 0;
}

const COMMANDS = {
  me: (state, place, rest, now) => speak(state, place, rest, now, 'action'),
  join: (state, _, rest) => join(state, rest),
  part: leave,
  nick(state, _, rest) {
    state.wish.nick = rest;
    send(state, format('NICK', [rest]));
  },
  topic: (state, place, rest) => send(state, format('TOPIC', [place.name, rest])),
  msg(state, _, rest, now) {
    const [name, ...words] = rest.split(' ');
    join(state, name);
    if (words.length) speak(state, openRoom(state, name), words.join(' '), now);
  },
  quote: (state, _, rest) => send(state, rest.replace(/[\r\n]+/g, ' ')),
};

export const NAMES = Object.keys(COMMANDS);

// A text from the composer: `/word` is a command, `//` a text that begins with a slash.
export function typed(state, text, now, reply = '') {
  const place = state.rooms.get(state.current);
  const [, name, rest] = /^\/(\w+) ?(.*)$/s.exec(text) ?? [];
  if (!place && name !== 'join') return;
  if (!name) speak(state, place, text.replace(/^\/\//, '/'), now, 'said', reply);
  else if (NAMES.includes(name)) COMMANDS[name](state, place, rest.trim(), now);
  else inform(state, `/${name} is not known here. What is: /${NAMES.join(' /')}`, now);
}

// Goes to a room or a person, in it already or not.
export function join(state, name) {
  const known = room(state, name);
  if (known) show(state, known);
  if (!name || known?.joined || (known && !known.isChannel)) return;
  if (isChannel(state, name)) {
    state.wanted = name.split(' ')[0];
    send(state, `JOIN ${name.replace(/[\r\n]/g, '')}`);
  } else {
    show(state, openRoom(state, name));
    if (state.phase === 'on') ask(state, room(state, name));
  }
}

export function leave(state, place) {
  if (place.isChannel && place.joined) send(state, format('PART', [place.name]));
  else closeRoom(state, place);
}

export function react(state, place, to, reaction) {
  const off = [...(to.reactions.get(reaction) ?? [])].some((nick) => isMe(state, nick));
  const tags = { [off ? '+draft/unreact' : '+draft/react']: reaction, '+draft/reply': to.id };
  send(state, format('TAGMSG', [place.name], tags));
}

export const redact = (state, place, { id }) => send(state, format('REDACT', [place.name, id]));

// Tells that we type, at most every three seconds; and that we have stopped.
export function typing(state, place, how, now) {
  const told = state.typing ?? { how: 'done', at: 0 };
  const again = how === 'active' && now - told.at >= TYPING_MS;
  if (!state.caps.has('message-tags') || state.phase !== 'on' || (how === told.how && !again)) return;
  state.typing = { how, at: now };
  send(state, format('TAGMSG', [place.name], { '+typing': how }));
}

// All that is in a room has been seen.
export function seen(state, place) {
  const last = place.lines.findLast((each) => each.id);
  if (!last || !readUpTo(state, place, last.time)) return;
  if (!state.caps.has('draft/read-marker') || state.phase !== 'on') return;
  send(state, format('MARKREAD', [place.name, `timestamp=${new Date(last.time).toISOString()}`]));
}

// The next room up or down the list; with news only, if asked.
export function step(state, by, withNews) {
  const all = [...state.rooms.values()];
  const at = all.findIndex((place) => place.key === state.current) + all.length;
  const turn = all.map((_, n) => all[(at + by * (n + 1)) % all.length]);
  const to = turn.find((place) => !withNews || place.unread);
  if (to) show(state, to);
}
