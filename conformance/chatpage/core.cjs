// The page's decisions without a page: codec, texts, what is shown, and the state against a little
// server that cuts connections. Usage: node core.cjs. The last line counts.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { run, test } = require('../count.cjs');
const { Little } = require('./little.cjs');

const ASSETS = path.join(__dirname, '../../crates/chat/assets');
const BYTES_MAX = 64000;

const load = (name) => import(path.join(ASSETS, name));

async function codec() {
  const { escapeTag, fold, format, parse, pieces, saslPlain, unescapeTag } = await load('wire.js');
  await test('a line with tags, a source and a trailing parameter', () => {
    const line = parse('@time=2026-01-01T00:00:00.000Z;+draft/reply=a\\:b\\s;x :anna!u@h PRIVMSG #lobby ::) hi \r\n');
    assert.equal(line.tags['+draft/reply'], 'a;b ');
    assert.equal(line.tags.x, '');
    assert.equal(line.nick, 'anna');
    assert.deepEqual(line.params, ['#lobby', ':) hi ']);
  });
  await test('odd lines are no mistakes', () => {
    for (const odd of ['', ' ', '@', '@a', ':', ':a', '@ :  ', '@a=b;=c; :x', 'PING', 'ping  a   b :', '@__proto__=1 X']) parse(odd);
    assert.deepEqual(parse('ping  a   b :').params, ['a', 'b', '']);
    assert.equal({}.polluted, undefined);
    assert.equal(parse('@__proto__=1 X').tags.__proto__, '1');
  });
  await test('what is made is read the same', () => {
    for (const text of ['', ' a', ':a', 'a b', 'ü 🐟', 'a', 'x:y']) {
      const line = parse(format('PRIVMSG', ['#a', text], { '+x': text, label: '1' }));
      assert.deepEqual(line.params, ['#a', text]);
      assert.equal(line.tags['+x'], text);
      assert.equal(unescapeTag(escapeTag(text)), text);
    }
    assert.equal(unescapeTag('a\\b\\\\c\\'), 'ab\\c');
  });
  await test('no text makes a second line or parameter', () => {
    assert.equal(format('NICK', ['a\r\nQUIT']), 'NICK :a QUIT');
    assert.equal(format('JOIN', ['#a b', 'c']), 'JOIN #a_b c');
    assert.equal(format('TAGMSG', ['#a'], { x: 'a;b c\n' }), '@x=a\\:b\\sc\\n TAGMSG #a');
  });
  await test('names are folded as the server says', () => {
    assert.equal(fold('A[]\\^Ü'), 'a{}|~Ü');
    assert.equal(fold('A[]\\^', 'ascii'), 'a[]\\^');
  });
  await test('long texts are cut between words, else between characters', () => {
    const cut = pieces('fish and chips '.repeat(60).trim(), 100);
    assert.ok(cut.every((piece) => Buffer.byteLength(piece) <= 100));
    assert.equal(cut.join(' '), 'fish and chips '.repeat(60).trim());
    const long = pieces('🐟'.repeat(100), 42);
    assert.ok(long.every((piece) => Buffer.byteLength(piece) <= 42 && !piece.includes('\ufffd')));
    assert.equal(long.join(''), '🐟'.repeat(100));
  });
  await test('a login in pieces of 400', () => {
    assert.deepEqual(saslPlain('a', 'b'), [`AUTHENTICATE ${Buffer.from('a\0a\0b').toString('base64')}`]);
    assert.deepEqual(saslPlain('a'.repeat(100), 'b'.repeat(98)).map((line) => line.length), [413, 14]);
  });
}

async function texts() {
  const { clean, colour, mentions, parts, safe } = await load('text.js');
  const links = (text) => parts(text).filter((part) => part.kind === 'link').map((part) => part.href);
  await test('links are http and https only', () => {
    assert.deepEqual(links('see https://a.example/b(c). (http://d.example/e) HTTPS://F.example!'),
      ['https://a.example/b(c)', 'http://d.example/e', 'https://f.example/']);
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'ftp://a', 'http://', 'xhttps:/a', 'file:///etc', 'vbscript:x', 'https://<script>']) {
      assert.deepEqual(links(bad), [], bad);
    }
    assert.equal(safe('javascript://a/%0aalert(1)'), null);
  });
  await test('nothing of a text is lost', () => {
    const text = 'anna: see http://a.example, anna! javascript:x <b>annabel</b>';
    assert.equal(parts(text, 'anna').map((part) => part.text).join(''), text);
    assert.equal(parts(text, 'anna').filter((part) => part.kind === 'mention').length, 2);
  });
  await test('names are words of their own', () => {
    assert.ok(mentions('hi Anna!', 'anna') && mentions('(a|b)', 'a|b') && mentions('ANNA', 'anna'));
    assert.ok(!mentions('annabel joanna anna_ änna', 'anna') && !mentions('x', ''));
  });
  await test('control bytes and turned directions are gone', () => {
    assert.equal(clean('\x02b\x0304,05c\x0f \x1b[31m\u202ed\0\t'), 'bc [31md\t');
  });
  await test('a nick has one colour', () => {
    assert.equal(colour('anna', 12), colour('Anna_', 12));
    assert.ok(new Set([...'abcdefghijklmnopqrstuvwxyz'].map((c) => colour(c, 12))).size > 7);
  });
}

// A page without a page: the state, its link to a little server, a clock.
async function rig(server, nick, rooms = ['#lobby']) {
  const { fresh, room } = await load('state.js');
  const { begin, end } = await load('enter.js');
  const { receive } = await load('receive.js');
  const typed = await load('typed.js');
  const me = { state: fresh({ nick, account: '', password: '', rooms, read: {} }), inbox: [], client: null };
  me.room = (name = '#lobby') => room(me.state, name);
  me.lines = (name) => me.room(name).lines.filter((line) => line.kind === 'said').map((line) => line.text);
  me.pump = (most = Infinity) => {
    for (const line of me.state.out.splice(0)) if (me.client) server.receive(me.client, line);
    for (let n = 0; n < most && me.inbox.length; n += 1) {
      receive(me.state, me.inbox.shift(), server.time);
      for (const line of me.state.out.splice(0)) if (me.client) server.receive(me.client, line);
    }
  };
  me.connect = () => {
    me.client = server.connect((line) => me.inbox.push(line));
    begin(me.state);
    me.pump();
  };
  // What is on the way in both directions is lost.
  me.cut = () => {
    server.cut(me.client);
    me.client = null;
    me.inbox.length = 0;
    me.state.out.length = 0;
    end(me.state);
  };
  me.say = (text, more) => { typed.typed(me.state, text, server.time, more); me.pump(); };
  me.do = (how, ...args) => { typed[how](me.state, ...args); me.pump(); };
  return me;
}

async function states() {
  const { format, parse } = await load('wire.js');
  const little = () => new Little(parse, format);
  const { items, find, summary, typing, complete } = await load('lines.js');
  await test('two in a room see the same, in the same order', async () => {
    const server = little();
    const [anna, bo] = [await rig(server, 'anna'), await rig(server, 'bo')];
    for (const each of [anna, bo]) each.connect();
    anna.say('one');
    bo.say('two');
    anna.say('/me waves');
    for (const each of [anna, bo]) each.pump();
    assert.deepEqual(anna.lines(), ['one', 'two']);
    const ids = (each) => each.room().lines.map((line) => line.id).filter((id) => id > 'id1');
    assert.deepEqual(ids(anna).slice(-3), ids(bo).slice(-3));
    assert.equal(anna.room().waiting.length, 0);
    assert.equal(bo.room().lines.at(-1).kind, 'action');
    assert.ok(anna.room().members.has('bo') && bo.room().members.has('anna'));
  });
  await test('a break: what was missed comes in order, once, and what waited is said', async () => {
    const server = little();
    const [anna, bo] = [await rig(server, 'anna'), await rig(server, 'bo')];
    for (const each of [anna, bo]) each.connect();
    anna.say('before');
    bo.pump();
    anna.cut();
    anna.say('said while away');
    for (let n = 0; n < 250; n += 1) bo.say(`missed ${n}`);
    anna.connect();
    bo.say('after');
    for (const each of [anna, bo]) each.pump();
    assert.deepEqual(anna.lines(), bo.lines());
    assert.deepEqual(anna.lines().slice(-2).sort(), ['after', 'said while away']);
    assert.equal(anna.lines().length, 253);
  });
  await test('what was sent and not echoed is not said twice', async () => {
    const server = little();
    const anna = await rig(server, 'anna');
    anna.connect();
    const typed = await load('typed.js');
    typed.typed(anna.state, 'heard', server.time);
    for (const line of anna.state.out.splice(0)) server.receive(anna.client, line);
    anna.cut();
    assert.equal(anna.room().waiting.length, 1);
    anna.connect();
    assert.deepEqual(anna.lines(), ['heard']);
    assert.equal(anna.room().waiting.length, 0);
  });
  await test('500 seeded storms of breaks: no gap, no duplicate, the log\'s order', async () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      let dice = seed;
      const roll = (n) => {
        dice = (Math.imul(dice, 1103515245) + 12345) >>> 0;
        return (dice >>> 8) % n;
      };
      const server = little();
      server.page = 1 + roll(9);
      const all = [];
      for (const nick of ['anna', 'bo', 'chi']) all.push(await rig(server, nick));
      for (const each of all) each.connect();
      const said = [];
      for (let step = 0; step < 60; step += 1) {
        const each = all[roll(3)];
        const what = roll(10);
        if (what === 0 && each.client) each.cut();
        else if (what < 3 && !each.client) each.connect();
        else if (what < 7 && each.room()) {
          said.push(`${seed}.${step}`);
          each.say(said.at(-1));
        } else each.pump(roll(6));
      }
      for (const each of all) if (!each.client) each.connect();
      for (let n = 0; n < 5; n += 1) for (const each of all) each.pump();
      const log = server.log.filter((entry) => entry.command === 'PRIVMSG').map((entry) => entry.params[1]);
      assert.deepEqual([...log].sort(), [...said].sort(), `seed ${seed}: each said once`);
      for (const each of all) {
        assert.equal(each.room().waiting.length, 0);
        const seen = each.lines();
        assert.deepEqual(seen, log.slice(log.length - seen.length), `seed ${seed}: ${each.state.nick}`);
        assert.ok(seen.length > 0);
      }
    }
  });
  await test('scrolling back reaches the beginning and adds nothing twice', async () => {
    const server = little();
    const bo = await rig(server, 'bo');
    bo.connect();
    for (let n = 0; n < 180; n += 1) bo.say(`line ${n}`);
    const anna = await rig(server, 'anna');
    anna.connect();
    assert.ok(anna.lines().length < 60);
    for (let n = 0; n < 10; n += 1) anna.do('ask', anna.room(), true);
    assert.equal(anna.room().atStart, true);
    assert.deepEqual(anna.lines(), bo.lines());
  });
  await test('replies, reactions and what was taken back', async () => {
    const server = little();
    const [anna, bo] = [await rig(server, 'anna'), await rig(server, 'bo')];
    for (const each of [anna, bo]) each.connect();
    anna.say('fish?');
    bo.pump();
    const asked = () => bo.room().lines.find((line) => line.text === 'fish?');
    bo.say('yes', asked().id);
    bo.do('react', bo.room(), asked(), '🐟');
    anna.pump();
    assert.equal(anna.room().lines.at(-1).reply, asked().id);
    assert.deepEqual([...anna.room().ids.get(asked().id).reactions], [['🐟', new Set(['bo'])]]);
    const chi = await rig(server, 'chi');
    chi.connect();
    assert.deepEqual([...chi.room().ids.get(asked().id).reactions], [['🐟', new Set(['bo'])]]);
    bo.do('react', bo.room(), asked(), '🐟');
    anna.do('redact', anna.room(), anna.room().ids.get(asked().id));
    for (const each of [bo, chi]) each.pump();
    assert.equal(asked().reactions.size, 0);
    assert.ok(asked().redacted && chi.room().ids.get(asked().id).redacted);
  });
  await test('unread, mentions and the read marker', async () => {
    const server = little();
    const [anna, bo] = [await rig(server, 'anna'), await rig(server, 'bo')];
    for (const each of [anna, bo]) each.connect();
    bo.say('hello');
    bo.say('anna: hello');
    anna.pump();
    assert.deepEqual([anna.room().unread, anna.room().mentions], [2, 1]);
    anna.do('seen', anna.room());
    assert.equal(anna.room().unread, 0);
    assert.ok(server.marks.get('anna #lobby'));
    anna.cut();
    bo.say('more');
    const again = await rig(server, 'anna');
    again.connect();
    assert.equal(again.room().unread, 1);
    assert.equal(items(again.room()).filter((item) => item.kind === 'mark').length, 0, 'it is the room in sight');
  });
  await test('a message to one person opens a place of its own', async () => {
    const server = little();
    const [anna, bo] = [await rig(server, 'anna'), await rig(server, 'bo')];
    for (const each of [anna, bo]) each.connect();
    anna.say('/msg bo psst');
    bo.pump();
    assert.deepEqual(bo.lines('anna'), ['psst']);
    assert.deepEqual(anna.lines('bo'), ['psst']);
    assert.equal(bo.room('anna').mentions, 1);
    assert.equal(bo.state.current, '#lobby');
  });
  await test('typing is told, and ends', async () => {
    const server = little();
    const [anna, bo] = [await rig(server, 'anna'), await rig(server, 'bo')];
    for (const each of [anna, bo]) each.connect();
    anna.do('typing', anna.room(), 'active', server.time);
    anna.do('typing', anna.room(), 'active', server.time + 1000);
    bo.pump();
    assert.equal(typing(bo.room(), server.time), 'anna is typing…');
    assert.equal(typing(bo.room(), server.time + 7000), '');
    anna.say('done');
    bo.pump();
    assert.equal(typing(bo.room(), server.time), '');
    assert.equal(server.log.filter((entry) => entry.command === 'TAGMSG').length, 0);
  });
  await test('after a break the same room is in sight', async () => {
    const server = little();
    const anna = await rig(server, 'anna');
    anna.connect();
    anna.do('join', '#kitchen');
    assert.equal(anna.state.current, '#kitchen');
    anna.do('join', '#lobby');
    anna.state.wish.rooms = ['#lobby', '#kitchen'];
    anna.cut();
    anna.connect();
    assert.equal(anna.state.current, '#lobby');
  });
  await test('a ghost holds the name: another is taken, and the name comes back', async () => {
    const server = little();
    const ghost = server.connect(() => {});
    for (const line of ['CAP END', 'NICK anna', 'USER a', 'JOIN #lobby']) server.receive(ghost, line);
    const anna = await rig(server, 'anna');
    anna.connect();
    assert.equal(anna.state.nick, 'anna_1');
    server.cut(ghost);
    anna.pump();
    assert.equal(anna.state.nick, 'anna');
  });
  await test('a log that has lost our last line is read anew', async () => {
    const server = little();
    const anna = await rig(server, 'anna');
    anna.connect();
    anna.say('old');
    anna.cut();
    server.log.length = 0;
    const bo = await rig(server, 'bo');
    bo.connect();
    bo.say('new');
    anna.connect();
    assert.deepEqual(anna.lines(), ['new']);
  });
  await test('what is shown: days, names once, comings and goings together', async () => {
    const { line, openRoom, add, fresh } = await load('state.js');
    const state = fresh({ nick: 'me', rooms: [], read: {} });
    const place = openRoom(state, '#a');
    const at = (time, nick, kind = 'said') => line(state, { id: `${time}`, time, nick, kind, text: `${nick} ${kind}` });
    add(state, place, [at(1e12, 'a'), at(1e12 + 1e3, 'a'), at(1e12 + 2e3, 'b', 'event'), at(1e12 + 3e3, 'c', 'event'), at(1e12 + 864e5, 'a')]);
    add(state, place, [at(1e12, 'a')]);
    assert.deepEqual(items(place).map(({ kind, head }) => (head ? 'head' : kind)), ['day', 'head', 'line', 'events', 'day', 'head']);
    assert.equal(summary(items(place)[3].lines), 'b event · c event');
    assert.equal(find([place], 'SAID from:a').length, 3);
    assert.equal(find([place], 'said from:b').length, 0);
  });
  await test('Tab completes names in turn', () => {
    const nicks = ['anna', 'annika', 'bo'];
    assert.deepEqual(complete('an', 2, nicks, 0), { text: 'anna: ', caret: 6 });
    assert.deepEqual(complete('an', 2, nicks, 1), { text: 'annika: ', caret: 8 });
    assert.deepEqual(complete('hi @b!', 5, nicks, 0), { text: 'hi bo !', caret: 6 });
    assert.equal(complete('', 0, nicks, 0), null);
    assert.equal(complete('x', 1, nicks, 0), null);
  });
  await test('hostile lines change nothing and stop nothing', async () => {
    const server = little();
    const anna = await rig(server, 'anna');
    anna.connect();
    const { receive } = await load('receive.js');
    for (const bad of ['', ':', 'PRIVMSG', ':x PRIVMSG', ':x!y@z PRIVMSG #lobby', 'BATCH', 'BATCH +', 'BATCH -zz', '353', '353 a b',
      '366', 'MODE', 'MODE #lobby', 'NICK', ':anna NICK', 'JOIN', 'KICK #lobby', 'TOPIC', '332 a', '005', 'MARKREAD', 'CAP', 'CAP * LS',
      'FAIL', '433', '900', 'CHATHISTORY', 'CHATHISTORY TARGETS', 'TAGMSG', 'REDACT', '@+typing=active :x!y@z TAGMSG #lobby', 'AWAY',
      'ACCOUNT', '322', '322 a', '323', '404', '@batch=none PRIVMSG #lobby :x', ':x!y@z NOTICE #nowhere :x', 'QUIT', ':x QUIT']) {
      receive(anna.state, bad, server.time);
    }
  });
}

async function weights() {
  const files = fs.readdirSync(ASSETS);
  const text = (name) => fs.readFileSync(path.join(ASSETS, name), 'utf8');
  await test(`the whole page weighs at most ${BYTES_MAX} bytes`, () => {
    // As the server sends it: without comment lines and indentation.
    const lean = (name) => text(name).split('\n').map((line) => line.trimStart()).filter((line) => line && !line.startsWith('//'));
    const all = files.reduce((sum, name) => sum + Buffer.byteLength(lean(name).map((line) => `${line}\n`).join('')), 0);
    console.log(`        ${all} bytes in ${files.length} files`);
    assert.ok(all <= BYTES_MAX, `${all} bytes`);
  });
  await test('markup comes from nobody; styles and scripts are files', () => {
    for (const name of files.filter((file) => file.endsWith('.js'))) {
      assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser/.test(text(name)), name);
      assert.ok(text(name).startsWith('// '), name);
      assert.ok(text(name).split('\n').length <= 350, name);
    }
    assert.ok(!/ style=| on[a-z]+=|<script>|<style|https?:/.test(text('page.html')));
    assert.ok(!/https?:|@import/.test(text('style.css')));
  });
}

run(async () => {
  for (const part of [codec, texts, states, weights]) await part();
});
