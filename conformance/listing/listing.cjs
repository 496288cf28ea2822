// The listing's acceptance. Usage: node listing.cjs SOCKEYE OUT. The last line counts.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { DESK, PHONE, axe, launch, run, test, until } = require('../browser.cjs');
const { Site, STRANGE } = require('./site.cjs');

const [, , binary, out] = process.argv;
// What the rows say, in their order.
const names = (page) => page.locator('#rows tr:not([hidden]) bdi').allTextContents();
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

// The roles that a screen reader is given, with how many there are of each.
async function roles(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  const count = {};
  for (const node of nodes.filter((one) => !one.ignored)) {
    count[node.role.value] = (count[node.role.value] ?? 0) + 1;
  }
  return count;
}

async function main() {
  const site = new Site(binary);
  await site.start('--archive', 'zip,tar.gz', '--upload=inbox');
  const browser = await launch();
  const complaints = [];
  const open = async (where, options = {}) => {
    const context = await browser.newContext({ viewport: DESK, timezoneId: 'Asia/Tokyo', ...options });
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(`${where}: ${error.message}`));
    page.on('console', (line) => line.type() === 'error' && complaints.push(`${where}: ${line.text()}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(site.url)) complaints.push(`${where} asked for ${request.url()}`);
    });
    await page.goto(site.url + where);
    return page;
  };
  const shot = (page, name) => page.screenshot({ path: path.join(out, `${name}.png`) });
  const kit = { site, open, shot };

  await look(kit);
  await order(kit);
  await keys(kit);
  await without(kit);
  await strange(kit, complaints);
  await archives(kit);
  await uploads(kit);
  await pictures(kit);
  await size(kit);
  await test('no errors, no policy violations, nothing asked of other hosts', () => {
    // A page of an error is an error; so is what is not there to be an icon of the site, and a
    // name that is refused.
    assert.deepEqual(complaints.filter((text) => !/status of 40[04]/.test(text)), []);
  });
  await browser.close();
  await site.stop();
  site.remove();
}

// How it looks, and what a screen reader finds.
async function look({ open, shot }) {
  const views = [
    ['light', '', { colorScheme: 'light' }], ['dark', '', { colorScheme: 'dark' }],
    ['grid', '?view=grid', {}], ['grid-dark', 'photos/?view=grid', { colorScheme: 'dark' }],
    ['phone', '', { viewport: PHONE }], ['phone-dark', 'notes/', { viewport: PHONE, colorScheme: 'dark' }],
    ['phone-grid', '?view=grid', { viewport: PHONE }], ['empty', 'empty/', {}],
    ['strange', 'strange/', {}], ['thousand', 'thousand/', {}],
    ['thousand-grid', 'thousand/?view=grid', {}], ['not-found', 'nothing', {}],
    ['not-found-phone', 'nothing', { viewport: PHONE, colorScheme: 'dark' }],
  ];
  for (const [name, where, options] of views) {
    const page = await open(where, options);
    await test(`axe: ${name}`, () => axe(page));
    await test(`${name} does not scroll sideways`, async () => {
      const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= width, `${wide} in ${width}`);
    });
    await shot(page, name);
    await page.context().close();
  }
  for (const where of ['notes/', 'notes/?view=grid']) {
    for (const options of [{}, { viewport: PHONE }]) {
      const kind = `${where}${options.viewport ? ' on a phone' : ''}`;
      await test(`it is a table for those who listen: ${kind}`, async () => {
        const page = await open(where, options);
        const { table, row, cell, columnheader, heading, status } = await roles(page);
        assert.deepEqual({ table, row, cell, columnheader, heading, status },
          { table: 1, row: 4, cell: 7, columnheader: 3, heading: 1, status: 2 });
        await page.context().close();
      });
    }
  }
  await test('nothing moves where motion is to be reduced', async () => {
    const moves = async (reducedMotion) => {
      const page = await open('', { reducedMotion });
      const found = await page.evaluate(() => [...document.querySelectorAll('*')]
        .filter((one) => getComputedStyle(one).transitionDuration !== '0s').length);
      await page.context().close();
      return found;
    };
    assert.equal(await moves('reduce'), 0);
    assert.ok(await moves('no-preference') > 0);
  });
}

// Sorting, the filter, views: in place.
async function order({ site, open }) {
  const page = await open('');
  const served = async (query) => (await (await page.request.get(`${site.url}?text&${query}`)).text())
    .trim().split('\n');
  const loads = [];
  page.on('request', (request) => request.isNavigationRequest() && loads.push(request.url()));
  await test('sorting in place gives the order that the server gives', async () => {
    for (const query of ['order=desc', 'order=asc', 'sort=size&order=desc', 'sort=size&order=asc',
      'sort=time&order=desc', 'sort=time&order=asc', 'sort=name&order=asc']) {
      const key = new URLSearchParams(query).get('sort') ?? 'name';
      await page.click(`th [data-sort=${key}]`);
      assert.deepEqual(await names(page), await served(query), query);
      const wanted = query.endsWith('desc') ? 'descending' : 'ascending';
      assert.equal(await page.getAttribute(`th:has([data-sort=${key}])`, 'aria-sort'), wanted);
      assert.equal(await page.locator('th[aria-sort]').count(), 1);
      assert.match(await page.textContent('#said'), new RegExp(`^Sorted by .*, ${wanted}$`));
    }
    assert.deepEqual(loads, []);
  });
  await test('a page that was sorted by the server is sorted by name in place', async () => {
    const other = await open('?sort=size&order=desc');
    await other.click('th [data-sort=name]');
    assert.deepEqual(await names(other), await served(''));
    assert.equal(other.url(), site.url);
    await other.context().close();
  });
  await test('the address keeps the order; folders are shown the same way', async () => {
    await page.click('th [data-sort=size]');
    assert.equal(page.url(), `${site.url}?sort=size&order=desc`);
    await page.reload();
    assert.deepEqual(await names(page), await served('sort=size&order=desc'));
    await page.click('th [data-sort=size]');
    await page.click('#rows >> text=notes/');
    await page.waitForURL(`${site.url}notes/?sort=size`);
    await page.click('text=Parent folder');
    await page.waitForURL(`${site.url}?sort=size`);
  });
  await test('the filter takes words in any order, and says how many there are', async () => {
    await page.fill('#filter', 'PNG  harbour');
    assert.deepEqual((await names(page)).sort(), ['harbour 10.png', 'harbour 2.png']);
    const all = await page.locator('#rows tr').count();
    assert.equal(await page.textContent('#count'), `2 of ${all} shown`);
    assert.equal(await page.getAttribute('#count', 'role'), 'status');
    await page.fill('#filter', 'nobody');
    assert.ok(await page.isVisible('text=No name here has that in it.'));
    await page.press('#filter', 'Escape');
    assert.equal((await names(page)).length, all);
    assert.equal(await page.textContent('#count'), '');
  });
  await test('the view is chosen in place, and remembered', async () => {
    await page.click('.views >> text=Grid');
    assert.equal(page.url(), `${site.url}?sort=size&view=grid`);
    await page.goto(`${site.url}photos/`);
    assert.equal(await page.locator('html').getAttribute('data-view'), 'grid');
    await page.waitForFunction(() => document.querySelectorAll('#rows img').length === 5);
    assert.equal(await page.locator('.views [aria-current]').textContent(), 'Grid');
    await page.click('.views >> text=List');
    await page.goto(`${site.url}notes/`);
    assert.equal(await page.locator('html').getAttribute('data-view'), 'list');
  });
  await test('sizes and times: for people, and exact', async () => {
    await page.goto(site.url);
    const row = page.locator('#rows tr', { hasText: 'backup.tar.gz' });
    assert.equal(await row.locator('data').textContent(), '11.7 MiB');
    assert.equal(await row.locator('data').getAttribute('title'), '12345678 bytes');
    const time = row.locator('time');
    const utc = await time.getAttribute('datetime');
    const tokyo = new Date(Date.parse(utc) + 9 * 3600000).toISOString();
    assert.equal(await time.textContent(), tokyo.slice(0, 16).replace('T', ' '));
    assert.equal(await time.getAttribute('title'), utc);
  });
  await page.context().close();
}

// By keyboard alone.
async function keys({ site, open }) {
  const page = await open('');
  const press = async (...all) => {
    for (const key of all) await page.keyboard.press(key);
  };
  const all = await names(page);
  await test('tab goes through filter, views and heads to the entries, and shows where it is', async () => {
    const walk = [];
    for (let at = 0; at < 9; at += 1) {
      await press('Tab');
      walk.push((await focused(page)).replace(/\s+/g, ' '));
      const style = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(style, 'solid', walk.at(-1));
    }
    assert.deepEqual(walk, ['Download as zip', 'Download as tar.gz', '', 'List', 'Grid',
      'Name', 'Size', 'Changed', all[0]]);
  });
  await test('arrows, Home and End go from entry to entry', async () => {
    await press('ArrowDown', 'ArrowDown');
    assert.equal(await focused(page), all[2]);
    await press('ArrowUp');
    assert.equal(await focused(page), all[1]);
    await press('End');
    assert.equal(await focused(page), all.at(-1));
    assert.ok(await page.evaluate(() => {
      const box = document.activeElement.getBoundingClientRect();
      return box.top >= 0 && box.bottom <= innerHeight;
    }), 'it is seen');
    await press('ArrowDown', 'Home', 'ArrowUp');
    assert.equal(await focused(page), all[0]);
  });
  await test('/ is the filter, arrow down the first that fits, Enter goes there', async () => {
    await press('/');
    await page.keyboard.type('todo/');
    assert.equal(await page.inputValue('#filter'), 'todo/');
    await press('Escape');
    await page.keyboard.type('NOTES');
    await press('ArrowDown', 'Enter');
    await page.waitForURL(`${site.url}notes/`);
  });
  await test('the entry below the arrow key is seen below the head', async () => {
    await page.goto(`${site.url}thousand/`);
    await page.focus('#rows a >> nth=0');
    for (let at = 0; at < 40; at += 1) await press('ArrowDown');
    for (let at = 0; at < 30; at += 1) await press('ArrowUp');
    assert.equal(await focused(page), 'item 10.txt');
    const [top, head] = await page.evaluate(() => [document.activeElement.getBoundingClientRect().top,
      document.querySelector('thead').getBoundingClientRect().bottom]);
    assert.ok(top >= head - 1, `${top} under ${head}`);
  });
  await test('in the grid arrows go in four ways', async () => {
    await page.goto(`${site.url}thousand/?view=grid`);
    await page.focus('#rows a >> nth=0');
    const columns = await page.evaluate(() => {
      const tops = [...document.querySelectorAll('#rows tr')].map((row) => row.offsetTop);
      return tops.filter((top) => top === tops[0]).length;
    });
    assert.ok(columns > 2);
    await press('ArrowRight', 'ArrowDown');
    assert.equal(await focused(page), `item ${columns + 1}.${['txt', 'png', 'zip', 'rs', 'mp4'][(columns + 1) % 5]}`);
    await press('ArrowLeft', 'ArrowUp');
    assert.equal(await focused(page), 'item 0.txt');
    await press('ArrowUp');
    assert.equal(await focused(page), 'Parent folder');
  });
  await page.context().close();
}

// Without scripts.
async function without({ site, open, shot }) {
  const page = await open('notes/', { javaScriptEnabled: false });
  await test('without scripts: no filter, times in UTC', async () => {
    assert.ok(!(await page.isVisible('#filter')));
    assert.equal(await page.locator('th').nth(2).textContent(), 'Changed (UTC)');
    const time = page.locator('time').first();
    const utc = await time.getAttribute('datetime');
    assert.equal(await time.textContent(), utc.slice(0, 16).replace('T', ' '));
    await shot(page, 'without-scripts');
  });
  await test('without scripts: heads sort, views change, folders keep both', async () => {
    await page.click('nav >> text=Files');
    await page.click('th >> text=Size');
    assert.equal(page.url(), `${site.url}?sort=size&order=desc`);
    assert.equal((await names(page)).filter((name) => !name.endsWith('/'))[0], 'holiday.mp4');
    await page.click('th >> text=Size');
    assert.equal(page.url(), `${site.url}?sort=size`);
    await page.click('text=Grid');
    assert.equal(page.url(), `${site.url}?sort=size&view=grid`);
    await page.click('text=photos/');
    assert.equal(page.url(), `${site.url}photos/?sort=size&view=grid`);
    assert.equal(await page.locator('#rows img').count(), 5);
    await until('pictures', () => page.locator('#rows img').evaluateAll((all) => all.every((one) => one.naturalWidth === 360))
      .catch(() => true));
    await page.click('text=Parent folder');
    await page.click('text=List');
    assert.equal(page.url(), `${site.url}?sort=size`);
  });
  await test('without scripts: files are links', async () => {
    await page.click('text=notes/');
    await page.click('text=todo.txt');
    assert.equal((await page.textContent('body')).trim(), 'todo');
  });
  await page.context().close();
}

// Names and files that mean no good.
async function strange({ site, open }, complaints) {
  const page = await open('strange/');
  await test('strange names are text, and their links lead to their bytes', async () => {
    assert.equal(await page.evaluate(() => window.owned), undefined);
    const links = await page.locator('#rows a').evaluateAll((all) => all.map((one) => one.href));
    const found = await Promise.all(links.map(async (link) => (await (await page.request.get(link)).body()).toString('hex')));
    assert.deepEqual(found.sort(), STRANGE.map((name) => name.toString('hex')).sort());
    const shown = await names(page);
    assert.ok(shown.includes('exe\\u{202e}gpj.txt') && shown.includes('\\u{200b}') && shown.includes('\\xff'));
  });
  await test('the policy lets nothing else run', async () => {
    const before = complaints.length;
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.owned = 1';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src="/none" onerror="window.owned = 1"><b style="color:red">');
    });
    await page.waitForFunction(() => document.querySelector('img').complete);
    assert.equal(await page.evaluate(() => window.owned), undefined);
    const refused = complaints.splice(before).filter((text) => /violates the .* Policy/.test(text));
    assert.equal(refused.length, 3, 'a script, a handler, a style');
  });
  await page.context().close();
  await test('a picture with a script in it is a picture, a file that is none gets its icon', async () => {
    const evil = await open('evil/?view=grid');
    const asked = [];
    evil.on('request', (request) => asked.push(request.url()));
    await evil.reload();
    await evil.waitForFunction(() => document.querySelectorAll('#rows img').length === 1
      && document.querySelector('#rows img').naturalWidth > 0);
    assert.equal(await evil.evaluate(() => window.owned), undefined);
    assert.deepEqual(asked.filter((url) => url.includes('owned')), []);
    await evil.context().close();
  });
}

// The folder as one file, where the server makes them.
async function archives({ site, open }) {
  await test('a folder is had as the archives that the server makes, and as no others', async () => {
    const page = await open('notes/');
    const links = page.locator('.archives a');
    assert.deepEqual(await links.allTextContents(), ['Download as zip', 'Download as tar.gz']);
    const [download] = await Promise.all([page.waitForEvent('download'), links.first().click()]);
    assert.equal(download.suggestedFilename(), 'notes.zip');
    const bytes = fs.readFileSync(await download.path());
    assert.ok(bytes.subarray(0, 4).equals(Buffer.from('PK\x03\x04')) && bytes.includes('notes/todo.txt'));
    await page.goto(`${site.url}empty/`);
    assert.ok(!(await page.isVisible('.archives')));
    await page.context().close();
  });
}

// Files that are put into the one folder that takes some.
async function uploads({ site, open, shot }) {
  const inbox = path.join(site.share, 'inbox');
  const kept = (name) => fs.readFileSync(path.join(inbox, name), 'utf8');
  const page = await open('inbox/');
  const file = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  const says = (text) => page.waitForSelector(`#jobs >> text=${text}`);
  await test('uploads are offered where they are allowed, and there alone', async () => {
    assert.ok(await page.isVisible('label[for=pick]'));
    await page.goto(site.url);
    assert.equal(await page.locator('form, input[type=file]').count(), 0);
    await page.goto(`${site.url}inbox/`);
  });
  await test('the chosen files arrive, and the page shows them', async () => {
    await page.setInputFiles('#pick', [file('plan ü & <b>.txt', 'first'), file('empty.txt', '')]);
    await page.waitForSelector('#rows >> text=plan ü & <b>.txt');
    assert.equal(await page.textContent('#told'), '2 of 2 uploaded');
    assert.deepEqual(await page.locator('#jobs .done .state').allTextContents(), ['uploaded', 'uploaded']);
    assert.equal(await page.textContent('.about'), '2 files, 5 B');
    assert.ok(await page.isVisible('#filter') && !(await page.isVisible('#empty')));
    assert.equal(kept('plan ü & <b>.txt') + kept('empty.txt'), 'first');
  });
  await test('what has come is sorted and filtered as all else', async () => {
    await page.click('th [data-sort=size]');
    assert.deepEqual(await names(page), ['plan ü & <b>.txt', 'empty.txt']);
    await page.fill('#filter', 'plan');
    assert.equal(await page.textContent('#count'), '1 of 2 shown');
    await page.fill('#filter', '');
  });
  await test('a name that is taken gets another, and the page says so', async () => {
    await page.setInputFiles('#pick', file('empty.txt', 'other'));
    await says('uploaded as empty (1).txt');
    assert.equal(kept('empty (1).txt'), 'other');
  });
  await test('files are dropped anywhere on the page', async () => {
    const drag = (types) => page.evaluate((types) => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped'], 'dropped.txt'));
      for (const type of types) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      }
    }, types);
    await drag(['dragenter', 'dragover']);
    assert.ok(await page.isVisible('text=Drop to upload into this folder'));
    await drag(['drop']);
    assert.ok(!(await page.isVisible('#overlay')));
    await page.waitForSelector('#rows >> text=dropped.txt');
    assert.equal(kept('dropped.txt'), 'dropped');
  });
  await test('a folder comes with what is in it', async () => {
    await page.setInputFiles('#pick-folder', path.join(site.share, 'notes'));
    await page.waitForSelector('#rows >> text=notes/');
    assert.equal(await page.textContent('#told'), '2 of 2 uploaded');
    assert.equal(kept('notes/2026/plan & more.txt') + kept('notes/todo.txt'), 'deep\ntodo\n');
  });
  await test('what is refused says why, the rest arrives', async () => {
    await page.setInputFiles('#pick', [file('.bashrc', 'x'), file('good.txt', 'y')]);
    await page.waitForSelector('#rows >> text=good.txt');
    await says('400 Bad Request: ');
    assert.equal(await page.textContent('#told'), '1 of 2 uploaded, 1 failed');
    await page.click('#jobs .failed button');
    assert.equal(await page.locator('#jobs .failed').count(), 0);
    await page.setInputFiles('#pick', [file('another.txt', 'z'), file('.profile', 'x')]);
    await page.waitForSelector('#jobs .failed');
    await page.waitForSelector('#rows >> text=another.txt');
  });
  await test('the buttons show where the keyboard is', async () => {
    await page.focus('#pick');
    await page.keyboard.press('Tab');
    const [style, label] = await page.evaluate(() => {
      const label = document.activeElement.nextElementSibling;
      return [getComputedStyle(label).outlineStyle, label.textContent];
    });
    assert.deepEqual([style, label], ['solid', 'Upload a folder']);
  });
  await test('axe: uploads, light', () => axe(page));
  await shot(page, 'uploads');
  for (const [name, options] of [['dark', { colorScheme: 'dark' }], ['phone', { viewport: PHONE }]]) {
    // Colours are judged when they have changed.
    await page.emulateMedia({ reducedMotion: 'reduce', ...options });
    if (options.viewport) await page.setViewportSize(options.viewport);
    await test(`axe: uploads, ${name}`, () => axe(page));
    await shot(page, `uploads-${name}`);
  }
  await page.context().close();
  const plain = await open('inbox/', { javaScriptEnabled: false });
  await test('without scripts: the form uploads, and the folder is shown again', async () => {
    await plain.setInputFiles('#pick', [file('by form.txt', 'by'), file('second.txt', 'form')]);
    await plain.click('button >> text=Upload');
    await plain.waitForSelector('#rows >> text=second.txt');
    assert.equal(plain.url(), `${site.url}inbox/`);
    assert.equal(kept('by form.txt') + kept('second.txt'), 'byform');
    assert.ok(!(await plain.isVisible('#pick-folder')));
  });
  await plain.context().close();
}

// Pictures are loaded when they are scrolled to.
async function pictures({ site, open }) {
  await test('pictures are loaded when they come into sight', async () => {
    const page = await open('', { viewport: DESK });
    const asked = [];
    page.on('request', (request) => request.resourceType() === 'image' && asked.push(request.url()));
    await page.goto(`${site.url}thousand/?view=grid`);
    await page.waitForFunction(() => document.querySelector('#rows img').naturalWidth > 0);
    const first = asked.length;
    assert.ok(first >= 2 && first < 60, `${first} of 200`);
    await page.keyboard.press('End');
    await page.focus('#rows a >> nth=999');
    await until('the last picture', () => asked.some((url) => url.endsWith('item%20996.png')));
    assert.equal(await page.locator('#rows img').first().getAttribute('alt'), 'Picture');
    await page.goto(`${site.url}thousand/`);
    assert.equal(await page.locator('#rows img').count(), 0);
    await page.context().close();
  });
}

// What a large folder costs: notes, which nobody judges but people.
async function size({ site, open }) {
  await test('ten thousand entries', async () => {
    const page = await open('many/');
    assert.equal(await page.locator('#rows tr').count(), 10000);
    const timed = (act) => page.evaluate(async (act) => {
      const start = performance.now();
      const element = document.querySelector(act.on);
      if (act.text === undefined) {
        element.click();
      } else {
        element.value = act.text;
        element.dispatchEvent(new Event('input'));
      }
      await new Promise((go) => { requestAnimationFrame(() => setTimeout(go)); });
      return Math.round(performance.now() - start);
    }, act);
    const load = await page.evaluate(() => {
      const [entry] = performance.getEntriesByType('navigation');
      const paint = performance.getEntriesByName('first-contentful-paint')[0];
      return { bytes: entry.decodedBodySize, paint: Math.round(paint.startTime), ready: Math.round(entry.domContentLoadedEventEnd) };
    });
    console.log(`        page: ${load.bytes} bytes; first paint ${load.paint} ms, ready ${load.ready} ms`);
    console.log(`        sort by size ${await timed({ on: 'th [data-sort=size]' })} ms, by name ${await timed({ on: 'th [data-sort=name]' })} ms`);
    console.log(`        filter ${await timed({ on: '#filter', text: '99' })} ms, clear ${await timed({ on: '#filter', text: '' })} ms`);
    console.log(`        grid ${await timed({ on: '.views [data-view=grid]' })} ms, list ${await timed({ on: '.views [data-view=list]' })} ms`);
    const bare = await page.request.get(`${site.url}empty/`);
    console.log(`        page without entries: ${(await bare.body()).length} bytes`);
    await page.context().close();
  });
}

run(main);
