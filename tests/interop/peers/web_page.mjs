// Somebody in headless Chromium who has the code of web/, at the origin of a real relay.
//
// node web_page.mjs EXECUTABLE RELAY; lines in: {do: "join", code} and
// {do: "send", sizes}; lines out: {event, ...}. Pages of
// another origin get nothing of a relay, so what the relay does not serve yet is put under its own.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const [, , executablePath, relay] = process.argv
const WEB = fileURLToPath(new URL('../../../web/', import.meta.url))
const PAGE = `<!doctype html><meta charset="utf-8"><script type="importmap">{"imports": {
  "@noble/": "/node_modules/@noble/",
  "socket.io-client": "/node_modules/socket.io-client/dist/socket.io.esm.min.js"
}}</script><script type="module" src="/build/test/in_browser.js"></script>`
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks',
    '--allow-loopback-in-peer-connection'
  ]
})
const context = await browser.newContext({ permissions: ['microphone', 'camera'] })
const page = await context.newPage()
page.on('pageerror', (error) => say({ event: 'failed', message: String(error) }))
page.on('console', (message) => console.error(message.text()))
await page.route(`${relay}/**`, async (route) => {
  const { pathname } = new URL(route.request().url())
  if (pathname === '/r') return route.fulfill({ contentType: 'text/html', body: PAGE })
  const content = await readFile(join(WEB, pathname)).catch(() => undefined)
  return content === undefined
    ? route.fulfill({ status: 404 })
    : route.fulfill({ contentType: 'text/javascript', body: content })
})
await page.exposeFunction('report', say)
await page.goto(`${relay}/r`)
await page.waitForFunction(() => typeof window.join === 'function')
say({ event: 'ready', version: browser.version() })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  page.evaluate(({ do: what, code, sizes }) => window[what](code ?? sizes), command).catch((error) => {
    say({ event: 'failed', message: String(error) })
  })
}
await browser.close()
