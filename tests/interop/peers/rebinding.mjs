// A web page whose host name has come to mean this machine (DNS rebinding), and one that has not.
//
// node rebinding.mjs EXECUTABLE RELAY_URL; prints one JSON object: what each page got out of the relay.
// The browser takes evil.example for the relay's address, as it would once a name's owner said so.
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'

const [executablePath, relay] = process.argv.slice(2)
const { port } = new URL(relay)

// The page that is not rebound: somebody's server elsewhere, which reaches for loopback.
const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>page'))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--host-resolver-rules=MAP *.example 127.0.0.1'
  ]
})

// All that a page can try: read, be a person, fill the relay with sessions by scripts of JSONP.
const attack = async (origin) => {
  const read = async (path) => {
    try {
      const answer = await fetch(origin + path)
      return [answer.status, await answer.text()]
    } catch (error) {
      return [0, String(error)]
    }
  }
  const socket = (path) => new Promise((resolve) => {
    const opened = new WebSocket(origin.replace('http', 'ws') + path)
    opened.onmessage = (message) => resolve(['heard', String(message.data)])
    opened.onclose = () => resolve(['closed', ''])
  })
  const script = (path) => new Promise((resolve) => {
    const element = document.createElement('script')
    element.onload = () => resolve('loaded')
    element.onerror = () => resolve('refused')
    element.src = origin + path
    document.head.append(element)
  })
  return {
    metrics: await read('/metrics'),
    people: await socket('/socket.io/?EIO=4&transport=websocket'),
    polling: await read('/socket.io/?EIO=4&transport=polling'),
    scripts: await Promise.all(
      Array.from({ length: 20 }, () => script('/socket.io/?EIO=4&transport=polling&j=0'))
    )
  }
}

async function page (url, origin) {
  const opened = await (await browser.newContext()).newPage()
  await opened.goto(url)
  return await opened.evaluate(attack, origin)
}

const evil = `http://evil.example:${port}`
const own = `http://127.0.0.1:${port}`
const result = {
  rebound: await page(`${evil}/healthz`, evil),
  elsewhere: await page(`http://page.example:${server.address().port}/`, own),
  // And that all of it would work, were it allowed: the relay's own name.
  own: await page(`${own}/healthz`, own)
}
console.log(JSON.stringify(result))
await browser.close()
server.close()
