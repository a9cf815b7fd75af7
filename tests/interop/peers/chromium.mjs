// WebTorrent peers in headless Chromium, told what to do by JSON lines.
//
// node chromium.mjs EXECUTABLE [as-shipped]; a line in: {peer, do: "seed" | "download" | "close" | ..., ...};
// a line out: {peer, event, ...}. Every peer has a browser context, so storage, of its own: two pages
// of one share it, and a hash can match with nothing sent. Ends when its standard input does.
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const STATIC = {
  '/': [join(HERE, 'page.html'), 'text/html'],
  '/tracker_client.html': [join(HERE, 'tracker_client.html'), 'text/html'],
  '/webtorrent.min.js': [
    join(HERE, '../node_modules/webtorrent/dist/webtorrent.min.js'),
    'text/javascript'
  ]
}
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const offered = new Map()
const server = createServer((request, response) => {
  const [file, type] = STATIC[request.url] ?? [offered.get(request.url), 'application/octet-stream']
  if (!file) return response.writeHead(404).end()
  response.setHeader('content-type', type)
  createReadStream(file).pipe(response)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${server.address().port}`

// As shipped it hides its addresses behind mDNS names, and connects to nothing on loopback. Pages that
// may use the microphone show real ones, which needs no network at all.
const asShipped = process.argv[3] === 'as-shipped'
const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...asShipped
      ? []
      : ['--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection']
  ]
})

const pages = new Map()

async function open (peer, path) {
  const context = await browser.newContext({
    permissions: asShipped ? [] : ['microphone', 'camera']
  })
  const page = await context.newPage()
  page.on('pageerror', (error) => say({ peer, event: 'failed', message: String(error) }))
  pages.set(peer, page)
  const ready = new Promise((resolve) => {
    page.exposeFunction('report', (line) => line.event === 'ready' ? resolve() : say({ peer, ...line }))
      .then(() => page.goto(origin + path))
  })
  await ready
  return page
}

const commands = {
  async seed ({ peer, name, root, paths, tracker }) {
    const files = paths.map((path) => {
      const url = `/files/${offered.size}`
      offered.set(url, join(root, path))
      return { path, url }
    })
    const page = await open(peer, '/')
    await page.evaluate((what) => window.seed(what), { name, files, tracker })
  },
  async download ({ peer, magnet }) {
    const page = await open(peer, '/')
    await page.evaluate((what) => window.download(what), { magnet })
  },
  async join ({ peer, ...what }) {
    const page = await open(peer, '/tracker_client.html')
    await page.evaluate((what) => window.join(what), what)
  },
  async announce ({ peer, ...what }) {
    await pages.get(peer).evaluate((what) => window.announce(what), what)
  },
  async scrape ({ peer, infoHash }) {
    await pages.get(peer).evaluate((what) => window.scrape(what), { infoHash })
  },
  async describe ({ peer }) {
    const page = await open(peer, '/')
    say({ peer, event: 'described', ...await page.evaluate(() => window.describe()) })
  },
  async figures ({ peer }) {
    say({ peer, event: 'figures', ...await pages.get(peer).evaluate(() => window.figures()) })
  },
  async close ({ peer }) {
    await pages.get(peer).context().close()
    pages.delete(peer)
    say({ peer, event: 'closed' })
  }
}

say({ event: 'ready', version: browser.version() })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  // Not awaited: one peer's slowness holds up no other.
  commands[command.do](command).catch((error) => {
    say({ peer: command.peer, event: 'failed', message: String(error) })
  })
}
await browser.close()
server.close()
