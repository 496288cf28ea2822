// Lines of IRC with their tags: taken apart and made. Knows no state and no page.

const READ = { ':': ';', s: ' ', r: '\r', n: '\n' };
const WRITTEN = { ';': '\\:', ' ': '\\s', '\r': '\\r', '\n': '\\n', '\\': '\\\\' };

export const unescapeTag = (value) => value.replace(/\\(.?)/gs, (_, c) => READ[c] ?? c);
export const escapeTag = (value) => value.replace(/[; \r\n\\]/g, (c) => WRITTEN[c]);

// line = [ "@" tags 1*SP ] [ ":" source 1*SP ] command *( 1*SP middle ) [ 1*SP ":" trailing ]
export function parse(line) {
  const tags = Object.create(null);
  const params = [];
  let source = '';
  let rest = line.replace(/[\r\n]+$/, '');
  const word = () => {
    const [all, taken] = /^ *([^ ]*) */.exec(rest);
    rest = rest.slice(all.length);
    return taken;
  };
  if (rest[0] === '@') {
    for (const tag of word().slice(1).split(';')) {
      const [, key, value = ''] = /^([^=]*)=?(.*)$/s.exec(tag);
      if (key) tags[key] = unescapeTag(value);
    }
  }
  if (rest[0] === ':') source = word().slice(1);
  const command = word().toUpperCase();
  while (rest && rest[0] !== ':') params.push(word());
  if (rest) params.push(rest.slice(1));
  return { tags, source, nick: source.split(/[!@]/, 1)[0], command, params };
}

// Makes a line. Only the last parameter may be empty or have spaces; ends of lines never pass.
export function format(command, params, tags = {}) {
  const words = Object.entries(tags).map(([key, value]) => `${key}=${escapeTag(value)}`);
  const all = params.map((param, n) => {
    const text = String(param).replace(/[\r\n\0]+/g, ' ');
    if (n < params.length - 1) return text.replace(/ /g, '_');
    return /^$|^:| /.test(text) ? `:${text}` : text;
  });
  return [...(words.length ? [`@${words.join(';')}`] : []), command, ...all].join(' ');
}

// Two names that differ by case only are the same (ISUPPORT's CASEMAPPING).
export function fold(name, mapping) {
  const lower = name.replace(/[A-Z]/g, (c) => c.toLowerCase());
  if (mapping === 'ascii') return lower;
  return lower.replace(/[[\]\\^]/g, (c) => ({ '[': '{', ']': '}', '\\': '|', '^': '~' })[c]);
}

const bytes = (text) => new TextEncoder().encode(text).length;

// Cuts a text into pieces of so many bytes at most: between words, else between characters.
export function pieces(text, bytesMax) {
  const out = [''];
  const put = (part) => {
    const fits = bytes(out.at(-1) + part) <= bytesMax;
    if (fits) out[out.length - 1] += part;
    return fits;
  };
  for (const word of text.split(/(?<= )/)) {
    if (put(word)) continue;
    if (bytes(word) <= bytesMax) out.push(word);
    else for (const c of word) if (!put(c)) out.push(c);
  }
  return out.map((piece) => piece.trimEnd()).filter(Boolean);
}

// SASL PLAIN's answer, in pieces of 400 characters.
export function saslPlain(account, password) {
  const raw = new TextEncoder().encode(`${account}\0${account}\0${password}`);
  const parts = btoa(String.fromCharCode(...raw)).match(/.{1,400}/g);
  if (parts.at(-1).length === 400) parts.push('+');
  return parts.map((part) => `AUTHENTICATE ${part}`);
}
