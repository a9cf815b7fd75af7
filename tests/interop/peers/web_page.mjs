// Somebody with a real browser and nothing else: drives the page that a relay serves.
//
// node web_page.mjs BROWSER EXECUTABLE DOWNLOADS; lines in: {n, do, ...}, lines out: {event: "did",
// n, value} or {event: "refused", n, message}, and {event: "downloaded", name, path} as files come.
import { createInterface } from 'node:readline'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const [, , executablePath, downloads] = process.argv
const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'))
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
const context = await browser.newContext({ acceptDownloads: true })
const page = await context.newPage()
page.setDefaultTimeout(110_000)
let saved = 0
page.on('pageerror', (error) => say({ event: 'failed', message: String(error.stack ?? error) }))
page.on('console', (message) => {
  // What a policy forbade is told there alone.
  if (message.type() === 'error') say({ event: 'complained', message: message.text() })
})
page.on('dialog', (dialog) => dialog.accept())
page.on('download', async (download) => {
  const path = join(downloads, String(saved++))
  await download.saveAs(path)
  say({ event: 'downloaded', name: download.suggestedFilename(), path })
})

const deeds = {
  open: async ({ url }) => (await page.goto(url))?.status(),
  reload: async () => void (await page.reload()),
  fill: ({ at, text }) => page.fill(at, text),
  press: ({ at, key }) => page.press(at, key),
  click: ({ name, within }) =>
    page.locator(within ?? 'body').getByRole('button', { name, exact: true }).first().click(),
  choose: ({ at, paths }) => page.setInputFiles(at, paths),
  // Waits until a text is shown, and returns all that is.
  shows: async ({ text }) => {
    const wanted = page.waitForFunction((said) => document.body.innerText.includes(said), text)
    await wanted.catch(async () => {
      throw new Error(`it shows instead of ${text}:\n${await page.innerText('body')}`)
    })
    return page.innerText('body')
  },
  // Waits until there is such an element, and returns its text.
  text: async ({ at }) => {
    await page.waitForSelector(at)
    return page.innerText(at)
  },
  evaluate: ({ script }) => page.evaluate(script),
  // Runs in each page before its own scripts.
  begin: async ({ script }) => void (await context.addInitScript(script)),
  // What the checker of accessibility finds: the ids of its rules, and where.
  axe: async () => {
    await page.evaluate(await readFile(AXE, 'utf-8'))
    const { violations } = await page.evaluate(() => globalThis.axe.run())
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  },
  picture: async ({ path, width, height, dark }) => {
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
    await page.setViewportSize({ width, height })
    await page.screenshot({ path, fullPage: true })
  }
}

say({ event: 'ready', version: browser.version() })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  deeds[command.do](command).then(
    (value) => say({ event: 'did', n: command.n, value: value ?? null }),
    (error) => say({ event: 'refused', n: command.n, message: String(error) })
  )
}
await browser.close()
