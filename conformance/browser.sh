# What the suites in headless Chromium need; sourced at the root of the tree. Installs playwright-core
# and axe-core by name into conformance/out/browser, and Debian's chromium where it is missing.

browser=conformance/out/browser
mkdir -p "$browser"
if [ ! -x /usr/bin/chromium ]; then
    apt-get install -y chromium >"$browser/apt.log" 2>&1
fi
if [ ! -d "$browser/node_modules/playwright-core" ] || [ ! -d "$browser/node_modules/axe-core" ]; then
    npm install --no-save --no-audit --no-fund --silent --prefix "$browser" \
        playwright-core@1.64 axe-core@4 >/dev/null 2>&1
fi
export NODE_PATH="$PWD/$browser/node_modules"
