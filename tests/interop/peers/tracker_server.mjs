// node tracker_server.mjs [ADDRESS]
// bittorrent-tracker's server, WebSocket only, on a free port of ADDRESS or 127.0.0.1. A line out when it listens: {event: "ready", url}; then
// one for each announce that it counted: {event: "start" | "complete" | "stop" | "update"}.
import Server from 'bittorrent-tracker/server'

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const address = process.argv[2] ?? '127.0.0.1'
const server = new Server({ http: false, udp: false, ws: true, stats: false, trustProxy: false })
for (const event of ['start', 'complete', 'stop', 'update']) {
  server.on(event, () => say({ event }))
}
server.on('warning', (warning) => say({ event: 'warning', message: String(warning) }))
server.on('error', (error) => say({ event: 'failed', message: String(error) }))
server.on('listening', () => {
  say({ event: 'ready', url: `ws://${address}:${server.ws.address().port}` })
})
server.listen(0, address)
process.stdin.on('end', () => process.exit(0)).resume()
