// What the suites of pages share without a browser: tests with names, and the count at the end.

let passed = 0;
let failed = 0;

async function test(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error.stack.split('\n').slice(0, 6).join(' | ')}`);
  }
}

// Runs a suite to its end; its last line counts.
function run(main) {
  main().then(() => {
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
  }, (error) => {
    console.log(`FAILED  ${error.stack}`);
    console.log(`${passed} passed, ${failed + 1} failed`);
    process.exit(1);
  });
}

module.exports = { run, test };
