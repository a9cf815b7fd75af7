// socket.io's JavaScript client, any number of them, told what to do by JSON lines.
//
// node socket_clients.mjs URL; a line in: {peer, do: "connect" | "call" | "close", ...}; a line out for
// each acknowledgement, and for each event that comes: {peer, event: "acknowledged" | "heard", ...};
// where the relay takes nobody in: {peer, event: "refused", status, body}.
import { createInterface } from 'node:readline'
import { io } from 'socket.io-client'

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const sockets = new Map()

const commands = {
  connect ({ peer, transports }) {
    const socket = io(process.argv[2], { forceNew: true, reconnection: false, transports })
    sockets.set(peer, socket)
    socket.on('connect', () => {
      say({ peer, event: 'connected', transport: socket.io.engine.transport.name })
    })
    socket.on('connect_error', (error) => say({
      peer, event: 'refused', status: error.description, body: error.context?.responseText
    }))
    socket.on('disconnect', (reason) => say({ peer, event: 'disconnected', reason }))
    socket.onAny((word, payload) => say({ peer, event: 'heard', word, payload }))
  },
  async call ({ peer, word, payload }) {
    const reply = await sockets.get(peer).timeout(10000).emitWithAck(word, payload)
    say({ peer, event: 'acknowledged', word, reply })
  },
  close ({ peer }) {
    sockets.get(peer).disconnect()
  }
}

say({ event: 'ready' })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  Promise.resolve(commands[command.do](command)).catch((error) => {
    say({ peer: command.peer, event: 'failed', message: String(error) })
  })
}
for (const socket of sockets.values()) socket.disconnect()
