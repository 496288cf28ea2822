// The page in headless Chromium. Usage: node chatpage.cjs OUT. The last line counts.

const assert = require('node:assert/strict');
const path = require('node:path');
const { DESK, PHONE, axe, launch, run, test, until } = require('../browser.cjs');
const { Site } = require('./site.cjs');

const [, , out] = process.argv;
const EVIL = '<img src=x onerror=alert(1)>';

const say = async (page, text) => {
  await page.fill('#text', text);
  await page.keyboard.press('Enter');
};
const hears = (page, text) => page.waitForSelector(`.text:text-is(${JSON.stringify(text)})`);
const texts = (page) => page.$$eval('#log .text', (all) => all.map((node) => node.textContent));
const holds = (page, look, ...more) => page.waitForFunction(look, ...more);

async function main() {
  const site = new Site();
  await site.start();
  const browser = await launch();
  const complaints = [];
  const fresh = async (options = {}) => {
    const context = await browser.newContext({ viewport: DESK, ...options });
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    page.on('request', (request) => request.url().startsWith(site.url) || complaints.push(request.url()));
    await page.goto(site.url);
    return page;
  };
  const open = async (nick, options) => {
    const page = await fresh(options);
    await page.keyboard.type(nick);
    await page.keyboard.press('Enter');
    await holds(page, () => document.querySelector('#title').textContent === '#lobby');
    return page;
  };
  const anna = await open('anna', { colorScheme: 'light' });
  const bo = await open('bo', { colorScheme: 'dark' });
  await talk(site, anna, bo);
  await hostile(site, anna);
  await storm(browser);
  await back(site, anna, bo);
  await looks({ site, open, fresh, anna, bo });
  await test('no errors, no policy violations, nothing asked of others', () => {
    assert.deepEqual(complaints.filter((text) => !/WebSocket|ERR_CONNECTION/.test(text)), []);
  });
  await browser.close();
  await site.stop();
}

async function talk(site, anna, bo) {
  await test('two browsers see the same, in the same order', async () => {
    for (let n = 0; n < 5; n += 1) {
      await Promise.all([say(anna, `anna ${n}`), say(bo, `bo ${n}`)]);
    }
    for (const page of [anna, bo]) for (const text of ['anna 4', 'bo 4']) await hears(page, text);
    assert.deepEqual(await texts(anna), await texts(bo));
    assert.equal((await texts(anna)).length, 10);
  });
  await test('a topic, members and their colours', async () => {
    await say(anna, '/topic A walk on Saturday');
    await holds(bo, () => document.querySelector('#topic').textContent === 'A walk on Saturday');
    assert.deepEqual(await bo.$$eval('#member-list bdi', (all) => all.map((node) => node.textContent)), ['anna', 'bo']);
  });
  await test('links are links, and open apart', async () => {
    await say(anna, 'Who comes along? https://walk.example/a(1).');
    const link = await bo.waitForSelector('.text a');
    assert.equal(await link.getAttribute('href'), 'https://walk.example/a(1)');
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
  });
  await test('typing is shown, and ends', async () => {
    await bo.click('#text');
    await bo.keyboard.type('I w');
    await holds(anna, () => document.querySelector('#typing').textContent === 'bo is typing…');
    await say(bo, 'I would');
    await holds(anna, () => document.querySelector('#typing').textContent === '');
  });
  await test('by keys alone: to the messages, reply, back', async () => {
    await bo.keyboard.press('ArrowUp');
    await bo.keyboard.press('ArrowUp');
    await bo.keyboard.press('r');
    await bo.keyboard.type('With the kettle');
    await bo.keyboard.press('Enter');
    await hears(anna, 'With the kettle');
    assert.match(await anna.textContent('.quote'), /anna Who comes along/);
  });
  await test('by keys alone: react, and take it back', async () => {
    await anna.click('#text');
    await anna.keyboard.press('ArrowUp');
    await anna.keyboard.press('e');
    await anna.keyboard.type('ok');
    await anna.keyboard.press('Enter');
    await bo.waitForSelector('[data-react=ok]');
    await bo.click('[data-react=ok]');
    await anna.waitForSelector('[data-react=ok] >> text=ok 2');
    await bo.click('[data-react=ok]');
    await anna.waitForSelector('[data-react=ok] >> text=ok 1');
  });
  await test('by keys alone: a message is taken back', async () => {
    await say(bo, 'a slip');
    await hears(anna, 'a slip');
    await bo.keyboard.press('ArrowUp');
    await bo.keyboard.press('Delete');
    await anna.waitForSelector('text=This message was taken back.');
    await bo.keyboard.press('Escape');
  });
  await test('by keys alone: another room, the rooms up and down, parts of the page', async () => {
    await bo.keyboard.press('Control+k');
    await bo.keyboard.type('#kitchen');
    await bo.keyboard.press('Enter');
    await holds(bo, () => document.querySelector('#title').textContent === '#kitchen');
    await bo.keyboard.press('Alt+ArrowUp');
    await holds(bo, () => document.querySelector('#title').textContent === '#lobby');
    await bo.focus('#text');
    const places = [];
    for (let n = 0; n < 4; n += 1) {
      await bo.keyboard.press('F6');
      places.push(await bo.evaluate(() => document.activeElement.closest('#rooms,#log,#text,#members').id));
    }
    assert.deepEqual(places, ['members', 'rooms', 'log', 'text']);
  });
  await test('Tab completes a name, and leaves an empty line', async () => {
    await bo.keyboard.type('an');
    await bo.keyboard.press('Tab');
    assert.equal(await bo.inputValue('#text'), 'anna: ');
    await bo.fill('#text', '');
    await bo.keyboard.press('Tab');
    assert.equal(await bo.evaluate(() => document.activeElement.id), '');
  });
  await test('unread and mentions are counted, and marked in the room', async () => {
    await bo.keyboard.press('Alt+ArrowDown');
    await say(anna, 'bo: come');
    await say(anna, 'soon');
    await bo.waitForSelector('[data-room="#lobby"] .badge.loud >> text=1');
    assert.match(await bo.title(), /^\(1\) #kitchen/);
    await bo.keyboard.press('Alt+Shift+ArrowDown');
    await bo.waitForSelector('.new >> text=New');
    await holds(bo, () => !document.querySelector('.badge.loud'));
    await until('the marker', () => site.little.marks.get('bo #lobby'));
  });
  await test('find, by keys alone', async () => {
    await bo.keyboard.press('Control+Shift+f');
    await bo.keyboard.type('kettle');
    await holds(bo, () => /^1 found/.test(document.querySelector('#found').textContent));
    await bo.keyboard.press('Tab');
    await bo.keyboard.press('Tab');
    await bo.keyboard.press('Enter');
    await holds(bo, () => document.activeElement.textContent.includes('With the kettle'));
  });
  await test('the help names the keys', async () => {
    await bo.keyboard.press('F1');
    assert.match(await bo.textContent('#help'), /F6/);
    await bo.keyboard.press('Escape');
  });
}

async function hostile(site, anna) {
  const { little } = site;
  await test('markup as nick, topic and message stays text', async () => {
    const evil = little.connect(() => {});
    for (const line of ['CAP END', 'NICK <img/src=x/onerror=alert(1)>', 'USER a', 'JOIN #lobby',
      `PRIVMSG #lobby :${EVIL}`, `PRIVMSG #lobby :\x01ACTION ${EVIL}\x01`, `NOTICE #lobby :${EVIL}`,
      'PRIVMSG #lobby :javascript:alert(1) data:text/html,x vbscript:x <a href=x>',
      `TOPIC #lobby :${EVIL}`, '@+draft/reply=id5;+draft/react=<b>x</b> TAGMSG #lobby']) little.receive(evil, line);
    await holds(anna, (text) => document.querySelector('#topic').textContent === text, EVIL);
    await anna.waitForSelector('.text >> text=vbscript:x');
    assert.equal(await anna.locator('#app img, #app b:not(.badge), .line:last-child a').count(), 0);
    little.cut(evil);
  });
}

// Two pages whose connections break while they talk.
async function storm(browser) {
  const site = new Site();
  await site.start();
  const pages = [];
  for (const nick of ['anna', 'bo']) {
    const page = await (await browser.newContext()).newPage();
    await page.goto(site.url);
    await page.keyboard.type(nick);
    await page.keyboard.press('Enter');
    await holds(page, () => document.querySelector('#title').textContent === '#lobby');
    pages.push(page);
  }
  await test('connections break while all talk: no gap, no duplicate, one order', async () => {
    for (let n = 0; n < 30; n += 1) {
      if (n % 10 === 5) site.cut();
      await say(pages[n % 2], `storm ${n}`);
    }
    for (const page of pages) {
      await until('all of it', async () => (await texts(page)).length >= 30
        && await page.locator('text=Not sent yet').count() === 0);
    }
    const [first, second] = [await texts(pages[0]), await texts(pages[1])];
    assert.deepEqual([...first].sort(), Array.from({ length: 30 }, (_, n) => `storm ${n}`).sort());
    assert.deepEqual(first, second);
  });
  for (const page of pages) await page.context().close();
  await site.stop();
}

async function back(site, anna, bo) {
  const guest = site.little.connect(() => {});
  for (const line of ['CAP END', 'NICK guest', 'USER a', 'JOIN #lobby']) site.little.receive(guest, line);
  for (let n = 0; n < 80; n += 1) site.little.receive(guest, `PRIVMSG #lobby :guest ${n}`);
  await test('the server stops, says so, and comes back: so does the page, with its name', async () => {
    const { port } = site;
    await site.stop();
    await holds(anna, () => /Not connected/.test(document.querySelector('#state').textContent));
    await say(anna, 'said while it was away');
    await anna.waitForSelector('text=Not sent yet');
    await site.start(port);
    await hears(bo, 'said while it was away');
    await holds(anna, () => document.querySelector('#state').textContent === '');
    assert.equal(await anna.textContent('#me'), 'anna');
  });
  await test('a page that is loaded again is in its rooms at once', async () => {
    await bo.reload();
    await hears(bo, 'said while it was away');
    await bo.waitForSelector('[data-room="#kitchen"]');
  });
  await test('scrolling back loads what is older, and keeps its place', async () => {
    const first = (await texts(bo))[0];
    await bo.evaluate(() => { document.querySelector('#log').scrollTop = 0; });
    await holds(bo, (text) => document.querySelector('#log .text').textContent !== text, first);
    await until('the beginning', async () => {
      await bo.evaluate(() => { document.querySelector('#log').scrollTop = 0; });
      return (await texts(bo)).includes('anna 0');
    });
    assert.equal(new Set((await texts(bo)).filter((text) => /^(anna|bo) \d/.test(text))).size, 10);
  });
}

async function looks({ open, fresh, anna, bo }) {
  await test('the log is a log, read politely', async () => {
    assert.equal(await anna.getAttribute('#log', 'role'), 'log');
    await holds(anna, () => document.querySelector('#log').ariaLive === 'polite');
  });
  await anna.screenshot({ path: path.join(out, 'light.png') });
  await bo.screenshot({ path: path.join(out, 'dark.png') });
  await test('axe: light', () => axe(anna));
  await test('axe: dark', () => axe(bo));
  for (const id of ['join', 'find', 'help']) {
    await test(`axe: ${id}`, async () => {
      await anna.click(`[data-open=${id}]`);
      await axe(anna);
      await anna.keyboard.press('Escape');
    });
  }
  for (const colorScheme of ['light', 'dark']) {
    const phone = await open(`phone-${colorScheme}`, { colorScheme, viewport: PHONE, hasTouch: true, reducedMotion: 'reduce' });
    await test(`axe: phone, ${colorScheme}`, () => axe(phone));
    await test(`axe: phone, ${colorScheme}, rooms`, async () => {
      await phone.click('#to-rooms');
      await axe(phone);
    });
    await phone.screenshot({ path: path.join(out, `phone-${colorScheme}.png`) });
    await phone.context().close();
  }
  for (const [width, height] of [[360, 640], [700, 450], [1400, 900]]) {
    await test(`${width} pixels: nothing scrolls sideways, the line is in sight`, async () => {
      await anna.setViewportSize({ width, height });
      const wide = await anna.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide}`);
      assert.ok(await anna.isVisible('#text') && await anna.isVisible('#say button.loud'));
    });
  }
  await test('without scripts: how to come in', async () => {
    const plain = await fresh({ javaScriptEnabled: false });
    assert.match(await plain.textContent('noscript'), /nc HOST 9000/);
  });
}

run(main);
