// What the server says, a line at a time: changes the state, and leaves in `out` what to answer.
import { ENTERING, ask, regain, sendAgain } from './enter.js';
import { add, arrive, closeRoom, inform, isChannel, isMe, key, line, openRoom, react, readUpTo,
  release, room, same, send, touch } from './state.js';
import { clean, mentions } from './text.js';
import { format, parse } from './wire.js';

// `words` are the parameters as they came; `params` has at least four more, empty ones.
function read(text) {
  const message = parse(text);
  const words = message.params;
  return { ...message, words, params: [...words, '', '', '', ''], last: words.at(-1) ?? '' };
}

export function receive(state, text, now) {
  const message = read(text);
  const open = state.batches.get(message.tags.batch);
  if (message.command === 'BATCH') batch(state, message, now);
  else if (open) open.messages.push(message);
  else dispatch(state, message, now);
}

function batch(state, message, now) {
  const [name, type, target] = message.params;
  const id = name.slice(1);
  if (name[0] === '+') return state.batches.set(id, { type, target, message, messages: [] });
  const done = state.batches.get(id);
  if (!done) return undefined;
  state.batches.delete(id);
  const outer = state.batches.get(done.message.tags.batch);
  const label = done.message.tags.label ?? outer?.message.tags.label;
  if (done.type === 'draft/multiline') {
    const whole = joined(done);
    return outer ? outer.messages.push(whole) : dispatch(state, whole, now);
  }
  if (done.type === 'chathistory') {
    const place = state.labels.get(label)?.place ?? room(state, done.target);
    state.labels.delete(label);
    return place && history(state, place, done.messages);
  }
  for (const each of done.messages) {
    each.tags.label ??= label;
    dispatch(state, each, now);
  }
  return undefined;
}

function joined({ message, messages, target }) {
  const text = messages.map(({ tags, params }, n) => (
    n && !('draft/multiline-concat' in tags) ? '\n' : '') + params[1]).join('');
  return { ...message, command: messages[0]?.command ?? '', params: [target, text] };
}

// A page of history: it makes lines, and changes nobody's place in the room.
function history(state, place, messages) {
  const { asked } = place;
  const lines = messages.map((message) => lineOf(state, place, message, 0)).filter(Boolean);
  for (const each of lines) acknowledge(state, place, each);
  const added = add(state, place, lines, asked === 'BEFORE');
  place.asked = '';
  if (asked === 'BEFORE') place.atStart = !added;
  else if (asked === 'AFTER' && added) ask(state, place);
  else caughtUp(state, place);
}

function caughtUp(state, place) {
  release(state, place);
  if (!place.read) readUpTo(state, place, place.lines.at(-1)?.time ?? 0);
  sendAgain(state, place);
}

const why = (text) => (text ? ` (${text})` : '');
const EVENTS = {
  JOIN: (nick) => `${nick} joined`,
  PART: (nick, _, text) => `${nick} left${why(text)}`,
  QUIT: (nick, text) => `${nick} left${why(text)}`,
  NICK: (nick, to) => `${nick} is now ${to}`,
  KICK: (nick, _, who, text) => `${nick} put ${who} out${why(text)}`,
  TOPIC: (nick, _, text) => `${nick} set the topic: ${text}`,
  MODE: (nick, _, ...words) => `${nick} set ${words.join(' ').trim()}`,
};

// The line that a message makes in a room; some change another line instead.
function lineOf(state, place, { tags, nick, command, params }, now) {
  const make = (parts) => line(state, {
    id: tags.msgid ?? '', time: Date.parse(tags.time) || now, nick, own: isMe(state, nick), ...parts });
  const reply = tags['+reply'] ?? tags['+draft/reply'] ?? '';
  if (command === 'PRIVMSG' || command === 'NOTICE') {
    const [, action] = /^\x01ACTION ?([^\x01]*)/s.exec(params[1]) ?? [];
    if (action === undefined && params[1][0] === '\x01') return null;
    const text = clean(action ?? params[1]);
    const kind = action === undefined ? 'said' : 'action';
    const mention = command === 'PRIVMSG' && !isMe(state, nick) && mentions(text, state.nick);
    return make({ kind: command === 'NOTICE' ? 'notice' : kind, text, reply, mention });
  }
  if (command === 'TAGMSG') {
    const on = tags['+react'] ?? tags['+draft/react'];
    const reaction = clean(on ?? tags['+draft/unreact'] ?? '').slice(0, 24);
    if (reply && reaction) touch(place, reply, react(reaction, nick, on !== undefined));
  } else if (command === 'REDACT') {
    touch(place, params[1], (each) => { each.redacted = true; });
  }
  const event = EVENTS[command];
  return event ? make({ kind: 'event', text: clean(event(nick, ...params)) }) : null;
}

// What we said has come back from the log.
function acknowledge(state, place, said, label) {
  const known = state.labels.get(label)?.line;
  const found = place.waiting.find((each) => (known ? each === known
    : each.text === said.text && each.kind === said.kind && same(state, each.nick, said.nick)));
  if (!found) return;
  place.waiting.splice(place.waiting.indexOf(found), 1);
  state.labels.delete(found.key);
  said.own = true;
}

// The room that a message belongs to; a person who speaks to us gets one.
function placeOf(state, { command, params, source, nick }) {
  const target = params[0].replace(/^[~&@%+]+(?=[#&])/, '');
  if (isChannel(state, target)) return room(state, target);
  const other = isMe(state, nick) ? target : nick;
  const opens = command === 'PRIVMSG' && other && (source.includes('!') || isMe(state, nick));
  return opens ? openRoom(state, other) : room(state, other);
}

function spoken(state, message, now) {
  const { command, params, nick, tags } = message;
  const place = placeOf(state, message);
  if (!place) return command === 'NOTICE' && inform(state, clean(params[1]), now);
  const who = key(state, nick);
  const typing = command === 'TAGMSG' && tags['+typing'];
  if (typing && (typing === 'done' || isMe(state, nick))) place.typing.delete(who);
  else if (typing) place.typing.set(who, { nick, until: now + (typing === 'active' ? 6e3 : 3e4) });
  const said = lineOf(state, place, message, now);
  if (!said) return undefined;
  place.typing.delete(who);
  if (said.own) acknowledge(state, place, said, tags.label);
  return arrive(state, place, said);
}

// What happens in one room: `change` gets the room.
const inRoom = (change) => (state, message, now) => {
  const place = room(state, message.params[0]);
  if (!place) return;
  change(state, place, message, now);
  if (state.rooms.has(place.key)) arrive(state, place, lineOf(state, place, message, now));
};

// What happens to a person in all rooms: `change` gets each room.
const everywhere = (change) => (state, message, now) => {
  for (const place of state.rooms.values()) {
    const member = place.members.get(key(state, message.nick));
    if (member) {
      change(state, place, message, member);
      arrive(state, place, lineOf(state, place, message, now));
    }
  }
};
const leave = everywhere((state, { members }, { nick }) => members.delete(key(state, nick)));
const rename = everywhere((state, { members }, { nick, params: [to] }, member) => {
  members.delete(key(state, nick));
  members.set(key(state, to), { ...member, nick: to });
});
const come = inRoom((state, place, { nick }) => {
  if (!isMe(state, nick)) return place.members.set(key(state, nick), { nick, prefix: '', away: false });
  Object.assign(place, { joined: true, held: [], asked: '' });
  place.members.clear();
  return ask(state, place);
});

const LIVE = {
  PRIVMSG: spoken,
  NOTICE: spoken,
  TAGMSG: spoken,
  REDACT: spoken,
  JOIN(state, message, now) {
    const [name] = message.params;
    if (name && isMe(state, message.nick)) {
      openRoom(state, name);
      if (same(state, name, state.wanted)) Object.assign(state, { current: key(state, name), wanted: '' });
    }
    come(state, message, now);
  },
  PART: inRoom((state, place, { nick }) => {
    if (isMe(state, nick)) closeRoom(state, place);
    else place.members.delete(key(state, nick));
  }),
  KICK: inRoom((state, place, { params: [, nick] }) => {
    place.members.delete(key(state, nick));
    if (isMe(state, nick)) place.joined = false;
  }),
  QUIT(state, message, now) {
    leave(state, message, now);
    regain(state, message.nick);
  },
  NICK(state, message, now) {
    rename(state, message, now);
    if (isMe(state, message.nick)) [state.nick] = message.params;
    else regain(state, message.nick);
  },
  MODE: inRoom((state, place, { params }) => {
    if (/[qaohv]/.test(params[1])) send(state, format('NAMES', [place.name]));
  }),
  TOPIC: inRoom((state, place, { params }) => { place.topic = clean(params[1]); }),
  AWAY: everywhere((state, place, { words }, member) => { member.away = words.length > 0; }),
  ACCOUNT(state, { nick, params }) {
    if (isMe(state, nick)) state.account = params[0].replace(/^\*$/, '');
  },
  332(state, { params }) {
    const place = room(state, params[1]);
    if (place) place.topic = clean(params[2]);
  },
  353(state, { params: [, , name, nicks] }) {
    const place = room(state, name);
    if (!place) return;
    place.names ??= new Map();
    for (const word of nicks.split(' ').filter(Boolean)) {
      const [, signs, nick] = /^([~&@%+!]*)([^!]*)/.exec(word);
      const away = place.members.get(key(state, nick))?.away ?? false;
      place.names.set(key(state, nick), { nick, prefix: signs[0] ?? '', away });
    }
  },
  366(state, { params }) {
    const place = room(state, params[1]);
    if (place?.names) Object.assign(place, { members: place.names, names: null });
  },
  MARKREAD(state, { params: [name, mark] }) {
    const place = room(state, name);
    if (place) readUpTo(state, place, Date.parse(mark.replace('timestamp=', '')) || 0);
  },
  CHATHISTORY(state, { params: [word, name] }) {
    if (word === 'TARGETS' && name && !isChannel(state, name) && !room(state, name)) {
      ask(state, openRoom(state, name));
    }
  },
};

const SHOWN = /^(301|305|306|31[1-9]|330|338|341|378|671|WARN|NOTE|ERROR|[45]\d\d|FAIL)$/;

function failed(state, { command, words, last, tags }, now) {
  const about = state.labels.get(tags.label);
  state.labels.delete(tags.label);
  if (about?.line) return Object.assign(about.line, { failed: clean(last) });
  const past = command === 'FAIL' && words[0] === 'CHATHISTORY';
  const place = about?.place ?? words.map((word) => room(state, word)).find((each) => past && each?.asked);
  if (!place?.asked) return inform(state, clean(words.slice(command.length === 3 ? 1 : 0).join(' ')), now);
  const { asked } = place;
  place.asked = '';
  if (asked === 'BEFORE') place.atStart = true;
  else if (asked === 'LATEST') caughtUp(state, place);
  else {
    // The log does not know our last line any more: all is read anew.
    place.lines = [];
    place.ids.clear();
    ask(state, place);
  }
  return undefined;
}

function dispatch(state, message, now) {
  const act = ENTERING[message.command] ?? LIVE[message.command];
  if (act) act(state, message, now);
  else if (SHOWN.test(message.command)) failed(state, message, now);
}
