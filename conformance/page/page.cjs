// The page's acceptance. Usage: node page.cjs SOCKEYE OUT. The last line counts.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { DESK, PHONE, axe, launch, run, test } = require('../browser.cjs');
const { Hub, Nc, otherSite } = require('./hub.cjs');

const [, , binary, out] = process.argv;

async function main() {
  const hub = new Hub(binary);
  await hub.start();
  const nc = new Nc(hub.ports.chat);
  await nc.hears('* you are plain-1 in #lobby; nobody else is here yet. /help lists the commands');
  const site = await otherSite(hub);
  const siteUrl = `http://localhost:${site.address().port}`;
  const browser = await launch('--host-resolver-rules=MAP evil.example 127.0.0.1');
  const complaints = [];
  const open = async (options = {}) => {
    const context = await browser.newContext({ viewport: DESK, ...options });
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(hub.url)) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(hub.url);
    if (options.javaScriptEnabled !== false) {
      await page.waitForSelector('#me:not([hidden])', { state: 'attached' });
      await page.waitForFunction(() => document.querySelectorAll('#rows tr').length >= 12);
    }
    return page;
  };
  const named = async (page, nick) => {
    await page.click('#me');
    await page.fill('#nick', nick);
    await page.keyboard.press('Enter');
    await nc.hears(`is now ${nick}`);
  };
  const shot = (page, name) => page.screenshot({ path: path.join(out, `${name}.png`) });

  const page = await open({ colorScheme: 'light' });
  await use(page, { hub, nc, named, shot });
  await refuse(browser, page, { hub, nc, siteUrl });
  await look({ open, named, shot, nc });
  await without({ open, nc, hub });
  await comeBack(page, { hub, named });
  await test('no errors, no policy violations, nothing asked of other hosts', () => {
    const own = complaints.filter((text) => !/WebSocket|ERR_CONNECTION|Failed to load resource/.test(text));
    assert.deepEqual(own, []);
  });
  await browser.close();
  site.close();
  nc.socket.destroy();
  await hub.stop();
  hub.remove();
}

// What people do.
async function use(page, { hub, nc, named, shot }) {
  await test('take a name', () => named(page, 'anna'));
  await test('write in the room, nc hears it', async () => {
    await page.fill('#line', 'Good morning from the page: https://example.org/a(b).');
    await page.keyboard.press('Enter');
    await nc.hears('<anna> Good morning from the page: https://example.org/a(b).');
    assert.equal(await page.getAttribute('.said.own a', 'href'), 'https://example.org/a(b)');
  });
  await test('nc writes, the page shows it as text', async () => {
    nc.say('/nick bo');
    nc.say('hello <img src=x onerror=alert(1)> javascript:alert(1)');
    await page.waitForSelector('.said:not(.own) >> text=<img src=x');
    assert.equal(await page.locator('.log img').count(), 0);
    assert.equal(await page.locator('.said:not(.own) a').count(), 0);
    await page.waitForSelector('#people >> text=bo');
  });
  await test('read a file in place', async () => {
    await page.click('#rows >> text=README.md');
    await page.waitForSelector('#look pre >> text=<b>Not bold.</b>');
  });
  await test('axe: reading a file', () => axe(page));
  await test('escape closes it, and the focus is where it was', async () => {
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement.textContent === 'README.md');
  });
  await test('browse folders in place, and back', async () => {
    await page.click('#rows >> text=notes');
    await page.click('#rows >> text=2026');
    await page.click('#rows >> text=plan & more.txt');
    await page.waitForSelector('#look pre >> text=deep');
    await page.keyboard.press('Escape');
    assert.ok(page.url().endsWith('/#/notes/2026/'));
    await page.goBack();
    await page.goBack();
    await page.waitForSelector('#rows >> text=README.md');
  });
  await test('filter and sort by the keyboard', async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('/');
    await page.keyboard.type('ME');
    await page.waitForFunction(() => document.querySelectorAll('#rows tr').length === 3);
    await page.keyboard.press('Escape');
    await page.focus('th[data-sort=size] button');
    await page.keyboard.press('Enter');
    await page.waitForSelector('th[data-sort=size][aria-sort=descending]');
    assert.equal(await page.textContent('#rows tr:nth-child(4) bdi'), 'holiday.mp4');
    await page.click('th[data-sort=name] button');
  });
  await test('drop a file, nc hears it, the inbox has it', async () => {
    const buffer = Buffer.from('a plan '.repeat(180000));
    await page.setInputFiles('#pick', { name: 'plan ü.pdf', mimeType: 'application/pdf', buffer });
    await nc.hears('* anna dropped plan ü.pdf (1.2 MiB)');
    await page.waitForSelector('#jobs .done >> text=arrived');
    await page.waitForSelector('.notice >> text=anna dropped plan ü.pdf');
    assert.ok(fs.readFileSync(path.join(hub.inbox, 'plan ü.pdf')).equals(buffer));
  });
  await test('drag files onto the page; a name that is taken gets a number', async () => {
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File(['other'], 'plan ü.pdf'));
      data.items.add(new File([''], 'empty.txt'));
      for (const type of ['dragenter', 'dragover', 'drop']) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      }
    });
    await page.waitForSelector('#jobs >> text=arrived as plan ü (1).pdf');
    await nc.hears('* anna dropped empty.txt (0 B)');
    assert.equal(fs.readFileSync(path.join(hub.inbox, 'plan ü (1).pdf'), 'utf8'), 'other');
  });
  await test('a name that hides is refused with the reason', async () => {
    await page.setInputFiles('#pick', { name: '.bashrc', mimeType: 'text/plain', buffer: Buffer.from('x') });
    await page.waitForSelector('#jobs .failed >> text=a name must not begin with a dot');
    assert.equal(fs.readdirSync(hub.inbox).length, 3);
  });
  await test('what was dropped is not served', async () => {
    const answer = await page.request.get(`${hub.url}plan%20%C3%BC.pdf`);
    assert.equal(answer.status(), 404);
  });
  await test('axe: light', () => axe(page));
  await shot(page, 'light');
}

// What files and strangers cannot do.
async function refuse(browser, page, { hub, nc, siteUrl }) {
  const before = nc.text;
  for (const file of ['evil.html', 'evil.svg']) {
    await test(`${file} cannot act, opened by the page`, async () => {
      const [popup] = await Promise.all([
        page.waitForEvent('popup'),
        page.evaluate((name) => { window.open(`/${name}`); }, file),
      ]);
      await popup.waitForLoadState();
      await popup.waitForTimeout(400);
      const opaque = await popup.evaluate(() => self.origin);
      assert.equal(opaque, 'null', 'its origin is its own');
      if (file.endsWith('html')) {
        assert.equal(await popup.title(), 'file');
        await popup.click('#go');
        await popup.waitForTimeout(300);
        assert.ok(popup.url().endsWith(file), 'the form was sent');
      }
      await popup.close();
      assert.equal(await page.title(), 'annas-laptop');
    });
  }
  await test('a stored page that is called a PDF cannot act either', async () => {
    const other = await page.context().newPage();
    await other.goto(`${hub.url}evil.pdf/`);
    await other.click('#go');
    await other.waitForTimeout(300);
    assert.equal(await other.title(), 'file');
    assert.ok(other.url().endsWith('evil.pdf/'), 'the form was sent');
    await other.close();
  });
  await test('a stored page shown in place is text', async () => {
    await page.click('#rows >> text=evil.html');
    await page.waitForSelector('#look pre >> text=document.title');
    await page.keyboard.press('Escape');
  });
  const stranger = await (await browser.newContext()).newPage();
  await test('another site cannot post, put, read or open a socket', async () => {
    await stranger.goto(`${siteUrl}/attack`);
    await stranger.waitForFunction(() => window.outcome);
    assert.equal(await stranger.evaluate(() => window.outcome), 'refused refused refused');
  });
  await test('another site\'s form is answered with 403', async () => {
    await stranger.goto(`${siteUrl}/form`);
    const [answer] = await Promise.all([stranger.waitForNavigation(), stranger.click('#go')]);
    assert.equal(answer.status(), 403);
  });
  await test('another site cannot frame the page', async () => {
    await stranger.goto(`${siteUrl}/frame`);
    const frame = stranger.frames()[1];
    assert.equal(await frame.locator('#log').count(), 0);
  });
  await test('a foreign name for this address is answered with 421', async () => {
    const answer = await stranger.goto(`http://evil.example:${hub.ports.http}/`);
    assert.equal(answer.status(), 421);
  });
  await test('the room heard nothing of all this, the inbox got nothing', async () => {
    nc.say('still here');
    await page.waitForSelector('.said >> text=still here');
    assert.ok(!/evil/.test(nc.text.slice(before.length)), nc.text.slice(before.length));
    assert.ok(!fs.readdirSync(hub.inbox).some((name) => name.includes('evil')));
  });
  await stranger.context().close();
}

// How it looks, and for whom.
async function look({ open, named, shot, nc }) {
  const dark = await open({ colorScheme: 'dark' });
  await test('a second page has its own name and the history', async () => {
    await named(dark, 'chiara');
    await dark.waitForSelector('.said >> text=Good morning from the page');
    await dark.fill('#line', '/me is on the phone, too');
    await dark.keyboard.press('Enter');
    await nc.hears('* chiara is on the phone, too');
  });
  await test('axe: dark', () => axe(dark));
  await shot(dark, 'dark');
  await dark.context().close();
  for (const colorScheme of ['light', 'dark']) {
    const phone = await open({ colorScheme, viewport: PHONE, deviceScaleFactor: 1, hasTouch: true });
    await test(`axe: phone, ${colorScheme}, files`, () => axe(phone));
    await shot(phone, `phone-files-${colorScheme}`);
    await test(`phone, ${colorScheme}: what is said meanwhile is counted and marked`, async () => {
      nc.say('anybody there?');
      await phone.waitForSelector('#unread >> text=1');
      await phone.click('[data-tab=room]');
      await phone.waitForSelector('.marker');
      await phone.waitForSelector('#unread', { state: 'hidden' });
      const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= PHONE.width, `scrolls sideways: ${wide}`);
    });
    await test(`axe: phone, ${colorScheme}, room`, () => axe(phone));
    await shot(phone, `phone-room-${colorScheme}`);
    await phone.context().close();
  }
}

// Without scripts.
async function without({ open, nc, hub }) {
  const plain = await open({ javaScriptEnabled: false });
  await test('without scripts: files, the last lines, a form to say one', async () => {
    assert.equal(await plain.locator('#rows tr').count(), 12);
    assert.ok((await plain.textContent('#log')).includes('anybody there?'));
    await plain.fill('#nick', 'guest');
    await plain.fill('#line', 'no scripts here');
    await plain.click('.send');
    await nc.hears('<guest> no scripts here');
    assert.ok((await plain.textContent('#log')).includes('no scripts here'));
  });
  await test('without scripts: drop a file by the form', async () => {
    await plain.setInputFiles('#pick', { name: 'form.txt', mimeType: 'text/plain', buffer: Buffer.from('by form') });
    await plain.click('#drop button');
    await nc.hears('* 127.0.0.1 dropped form.txt (7 B)');
    assert.equal(fs.readFileSync(path.join(hub.inbox, 'form.txt'), 'utf8'), 'by form');
  });
  await test('without scripts: folders and files are links', async () => {
    await plain.click('#rows >> text=notes');
    await plain.click('text=2026');
    await plain.click('text=plan & more.txt');
    assert.ok((await plain.textContent('body')).includes('deep'));
  });
  await plain.context().close();
}

// After a break.
async function comeBack(page, { hub }) {
  await test('the hub stops and comes back: so does the page, with its name', async () => {
    await hub.stop();
    await page.waitForSelector('body.offline');
    await hub.start();
    await page.waitForSelector('body:not(.offline)', { state: 'attached' });
    await page.waitForSelector('#people >> text=anna');
    const nc = new Nc(hub.ports.chat);
    await page.fill('#line', 'back again');
    await page.keyboard.press('Enter');
    await nc.hears('<anna> back again');
    nc.socket.destroy();
  });
}

run(main);
