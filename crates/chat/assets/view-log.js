// The messages of the open room: drawn, scrolled, walked through by keys.
import { byId, day, el, sync, time } from './dom.js';
import { items, summary } from './lines.js';
import { isMe } from './state.js';
import { colour, parts } from './text.js';

const COLOURS = 10;
const NEAR_PX = 60;
const log = byId('log');
const acts = byId('acts');
let shown;
let state;

export const named = (nick) => el('bdi', { className: `nick c${colour(nick, COLOURS)}` }, nick);

const words = ({ text, own }) => parts(text, own ? '' : state.nick).map((part) => {
  if (part.kind === 'text') return part.text;
  if (part.kind === 'mention') return el('mark', {}, part.text);
  return el('a', { href: part.href, target: '_blank', rel: 'noopener noreferrer' }, part.text);
});

function quote({ reply }, place) {
  const to = place.ids.get(reply);
  const inside = to ? [named(to.nick), ` ${to.redacted ? '…' : to.text.slice(0, 90)}`] : ['an earlier message'];
  return el('button', { className: 'quote', type: 'button', 'data-jump': reply }, '↪ ', ...inside);
}

const reactions = (line) => el('p', { className: 'row' }, ...[...line.reactions].map(([reaction, nicks]) => (
  el('button', { type: 'button', 'data-react': reaction, title: [...nicks].join(', '),
    ariaPressed: [...nicks].some((nick) => isMe(state, nick)) }, `${reaction} ${nicks.size}`))));

function message({ line, head }, place) {
  const { kind, nick, redacted, failed } = line;
  const node = el('article', { tabIndex: -1, className: `line ${kind}${head ? ' head' : ''}` });
  node.classList.toggle('mention', line.mention);
  if (line.reply) node.append(quote(line, place));
  if (head && nick) node.append(el('p', { className: 'by' }, named(nick), ' ', time(line.time)));
  else if (nick) node.append(el('span', { className: 'vh' }, `${nick}: `));
  const text = redacted ? ['This message was taken back.'] : words(line);
  node.append(el('p', { className: redacted ? 'soft' : 'text', dir: 'auto' }, ...text));
  if (place.waiting.includes(line)) node.append(el('p', { className: 'soft' }, failed ? `Not sent: ${failed}` : 'Not sent yet'));
  if (line.reactions.size) node.append(reactions(line));
  return node;
}

function make({ item, place }) {
  if (item.kind === 'line') return message(item, place);
  if (item.kind === 'events') return el('p', { className: 'soft event', dir: 'auto' }, summary(item.lines));
  return item.kind === 'day' ? el('p', { className: 'day' }, day(item.time)) : el('p', { className: 'day new' }, 'New');
}

// What a line looks like, in short: it is made anew when this changes.
function markOf({ lines, line, head }, place) {
  if (!line) return `${lines?.length}`;
  const to = place.ids.get(line.reply);
  const all = [...line.reactions].map(([reaction, nicks]) => reaction + nicks.size);
  return [head, line.redacted, line.failed, line.own, !!to, to?.redacted, place.waiting.includes(line), ...all].join();
}

export const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
export const toEnd = () => { log.scrollTop = log.scrollHeight; };

// Draws; the newest stays in sight if it was, otherwise what is read stays where it is.
export function draw(now, place) {
  state = now;
  const other = shown !== place;
  const stay = other || atEnd();
  const first = () => log.querySelector('article')?.dataset.key;
  const [oldest, fromEnd] = [first(), log.scrollHeight - log.scrollTop];
  // A room that is opened, and history, are not read aloud.
  log.ariaLive = other || place?.asked || place?.held ? 'off' : 'polite';
  if (other) log.replaceChildren();
  shown = place;
  log.ariaLabel = `Messages in ${place?.name ?? 'no room'}`;
  sync(log, place ? items(place).map((item) => ({ key: item.key, mark: markOf(item, place), item: { item, place } })) : [], make);
  if (stay) toEnd();
  else if (first() !== oldest) log.scrollTop = log.scrollHeight - fromEnd;
  byId('newest').hidden = atEnd();
}

export function lineAt(node, place) {
  const found = node?.closest('article')?.dataset.key;
  return place && [...place.lines, ...place.waiting].find(({ key }) => key === found);
}

export function jump(place, id) {
  const node = log.querySelector(`[data-key="${place.ids.get(id)?.key}"]`);
  node?.scrollIntoView({ block: 'center' });
  node?.focus();
}

// Moves through the messages by keys.
export function walk(key) {
  const all = [...log.querySelectorAll('article')];
  const at = all.indexOf(document.activeElement.closest('article'));
  const to = { ArrowUp: at < 0 ? all.length - 1 : at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[key];
  if (!all[to]) return false;
  all[to].focus();
  return true;
}

// The buttons for one message lie beside it.
export function offer(place, node) {
  const line = lineAt(node, place);
  acts.hidden = !line?.id || line.redacted || !state.caps.has('message-tags');
  if (acts.hidden) return;
  acts.dataset.for = line.id;
  acts.lastElementChild.hidden = !line.own || !state.caps.has('draft/message-redaction');
  acts.style.top = `${Math.max(0, node.offsetTop - log.scrollTop - 14) + log.offsetTop}px`;
}
