// Somebody with a real Firefox and nothing else: as web_page.mjs, by WebDriver BiDi, since Playwright
// knows only a Firefox of its own.
//
// node web_firefox.mjs EXECUTABLE DOWNLOADS; lines in and out as there.
import { readdirSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'

const [, , executablePath, downloads] = process.argv
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath,
  headless: true,
  extraPrefsFirefox: {
    'browser.download.dir': downloads,
    'browser.download.folderList': 2,
    'browser.download.useDownloadDir': true,
    'browser.download.always_ask_before_handling_new_types': false,
    'browser.helperApps.neverAsk.saveToDisk': 'application/octet-stream',
    // Both are on this machine, which has no other network.
    'media.peerconnection.ice.loopback': true,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false
  }
})
const [page] = await browser.pages()
page.setDefaultTimeout(110_000)
page.on('pageerror', (error) => {
  // A try that nobody answered, as the other was not there: it is made again.
  if (String(error).includes('WebRTC: ICE failed')) return
  say({ event: 'failed', message: String(error.stack ?? error) })
})
page.on('console', (message) => {
  if (message.type() === 'error') say({ event: 'complained', message: message.text() })
})
page.on('dialog', (dialog) => dialog.accept())
const told = new Set()
setInterval(() => {
  const there = readdirSync(downloads)
  for (const name of there) {
    // While it is written there is a .part beside it.
    if (told.has(name) || name.endsWith('.part') || there.some((each) => each.endsWith('.part'))) continue
    told.add(name)
    const path = join(downloads, name)
    if (statSync(path).isFile()) say({ event: 'downloaded', name, path })
  }
}, 200)

const all = () => page.evaluate(() => document.body.innerText)
const shown = (said) =>
  page
    .waitForFunction((text) => document.body.innerText.includes(text), { polling: 100 }, said)
    .catch(async () => {
      throw new Error(`it shows instead of ${said}:\n${await all()}`)
    })
const deeds = {
  open: async ({ url }) => (await page.goto(url))?.status(),
  reload: async () => void (await page.reload()),
  fill: async ({ at, text }) => {
    const field = await page.waitForSelector(at)
    await field.type(text)
  },
  click: async ({ name }) => {
    const button = await page.waitForSelector(`::-p-xpath(//button[normalize-space()=${JSON.stringify(name)}])`)
    await button.click()
  },
  choose: async ({ at, paths }) => {
    const field = await page.$(at)
    await field.uploadFile(...[paths].flat())
  },
  shows: async ({ text }) => {
    await shown(text)
    return all()
  },
  text: async ({ at }) => {
    const found = await page.waitForSelector(at)
    return found.evaluate((node) => node.innerText)
  }
}

say({ event: 'ready', version: await browser.version() })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  deeds[command.do](command).then(
    (value) => say({ event: 'did', n: command.n, value: value ?? null }),
    (error) => say({ event: 'refused', n: command.n, message: String(error) })
  )
}
await browser.close()
process.exit(0)
