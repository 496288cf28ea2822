// What is shown of a room, in order, and what is found in it. Pure: the view only draws it.
import { isSpoken } from './state.js';

const TOGETHER_MS = 5 * 60e3;
const EVENTS_SHOWN = 4;
const day = ({ time }) => new Date(time).toDateString();

// Items: { key, kind: 'day' | 'mark' | 'events' | 'line', time, lines, line, head }.
export function items(place) {
  const out = [];
  let last = null;
  let marked = !place.mark;
  for (const line of [...place.lines, ...place.waiting]) {
    const { key, kind, nick, time } = line;
    if (!last || day(line) !== day(last)) {
      out.push({ key: `d${key}`, kind: 'day', time });
      last = null;
    }
    if (!marked && time > place.mark && !line.own && isSpoken(line)) {
      marked = true;
      out.push({ key: 'mark', kind: 'mark' });
      last = null;
    }
    const open = out.at(-1);
    if (kind !== 'event') {
      const alone = last?.kind !== 'said' || kind !== 'said' || line.reply;
      const head = Boolean(alone || last.nick !== nick || time - last.time > TOGETHER_MS);
      out.push({ key, kind: 'line', line, head });
    } else if (open.kind === 'events') open.lines.push(line);
    else out.push({ key: `e${key}`, kind: 'events', lines: [line] });
    last = line;
  }
  return out;
}

// Many comings and goings in a few words.
export function summary(lines) {
  const more = lines.length - EVENTS_SHOWN;
  const shown = lines.slice(-EVENTS_SHOWN).map(({ text }) => text).join(' · ');
  return more > 0 ? `${more} more · ${shown}` : shown;
}

// Lines that have all words, the newest first; `from:NICK` asks for one person's.
export function find(places, query, most = 100) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (line) => isSpoken(line) && words.length && words.every((word) => (
    word.startsWith('from:') ? line.nick.toLowerCase() === word.slice(5)
      : line.text.toLowerCase().includes(word)));
  return places.flatMap((place) => place.lines.filter(has).map((line) => ({ place, line })))
    .sort((a, b) => b.line.time - a.line.time).slice(0, most);
}

// Who types, in words.
export function typing(place, now) {
  const nicks = [...place.typing.values()].filter(({ until }) => until > now).map(({ nick }) => nick);
  if (nicks.length > 3) return 'Several people are typing…';
  return nicks.length ? `${nicks.join(', ')} ${nicks.length > 1 ? 'are' : 'is'} typing…` : '';
}

// Those who may more come first.
export function sorted(place) {
  const rank = ({ prefix }) => (prefix ? '~&@%+'.indexOf(prefix) : 9);
  return [...place.members.values()].sort((a, b) => rank(a) - rank(b) || a.nick.localeCompare(b.nick));
}

// What Tab makes of a line: the nick that begins as the word before the caret does.
export function complete(text, caret, nicks, turn) {
  const [word] = /\S*$/.exec(text.slice(0, caret));
  const part = word.replace(/^@/, '').toLowerCase();
  const found = nicks.filter((nick) => part && nick.toLowerCase().startsWith(part));
  if (!found.length) return null;
  const start = caret - word.length;
  const nick = found[turn % found.length] + (start ? ' ' : ': ');
  return { text: text.slice(0, start) + nick + text.slice(caret), caret: start + nick.length };
}
