// What a text is made of: links, mentions, plain words. Gives parts, never markup.

// Colours and styles of IRC, control bytes, and marks that turn the direction of others' text.
const NOISE = /\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04[0-9a-fA-F]{0,6}|[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const LINK = /\bhttps?:\/\/[^\s<>"'`\0-\x1f]+/giu;
const WORD = /[\p{L}\p{N}_]/u;

export const clean = (text) => text.replace(NOISE, '');

// Sentences end behind links; brackets that the link opened belong to it.
function trimmed(link) {
  const last = link.at(-1);
  const pair = { ')': '(', ']': '[' }[last];
  const own = pair && link.split(pair).length >= link.split(last).length;
  return /[.,;:!?*)\]}]/.test(last) && !own ? trimmed(link.slice(0, -1)) : link;
}

// The address of a link, if a browser reads it as http or https, too.
export function safe(link) {
  const url = URL.canParse(link) ? new URL(link) : null;
  return url && /^https?:$/.test(url.protocol) ? url.href : null;
}

// Where a nick is named as a word of its own.
function places(text, nick) {
  const found = [];
  const [low, wanted] = [text.toLowerCase(), nick.toLowerCase()];
  if (!wanted || low.length !== text.length) return found;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, at + wanted.length)) {
    const before = [...text.slice(Math.max(0, at - 2), at)].pop() ?? '';
    const [after = ''] = text.slice(at + wanted.length, at + wanted.length + 2);
    if (!WORD.test(before) && !WORD.test(after)) found.push(at);
  }
  return found;
}

export const mentions = (text, nick) => places(text, nick).length > 0;

// Parts: { kind: 'text' | 'mention' | 'link', text, href }.
export function parts(text, nick = '') {
  const out = [];
  let at = 0;
  const take = (end, kind, href) => {
    if (end > at) out.push({ kind, text: text.slice(at, end), href });
    at = end;
  };
  const names = places(text, nick);
  const plain = (end) => {
    for (const name of names.filter((each) => each >= at && each < end)) {
      take(name, 'text');
      take(name + nick.length, 'mention');
    }
    take(end, 'text');
  };
  for (const { 0: match, index } of text.matchAll(LINK)) {
    const link = trimmed(match);
    const href = safe(link);
    if (!href) continue;
    plain(index);
    take(index + link.length, 'link', href);
  }
  plain(text.length);
  return out;
}

// The colour of a nick: one of so many, the same for everyone.
export function colour(nick, count) {
  let hash = 2166136261;
  for (const c of nick.toLowerCase().replace(/[_`|^~]+$/, '')) {
    hash = Math.imul(hash ^ c.codePointAt(0), 16777619);
  }
  return (hash >>> 0) % count;
}
