import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A mail server in this process, in clear text and without a login; it accepts nobody@ no mail. */
export async function startMailServer(t: Test): Promise<{
  readonly port: number
  readonly messages: readonly string[]
}> {
  const messages: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let text = ''
    let data: string | undefined
    socket.write('220 mail.test\r\n')
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        if (data !== undefined) {
          if (line === '.') {
            messages.push(data)
            data = undefined
            socket.write('250 accepted\r\n')
          } else data += `${line}\n`
        } else if (line === 'DATA') {
          data = ''
          socket.write('354 go on\r\n')
        } else if (line === 'QUIT') socket.end('221 bye\r\n')
        else socket.write(/^RCPT.*<nobody@/.test(line) ? '550 no mailbox\r\n' : '250 fine\r\n')
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, messages }
}
