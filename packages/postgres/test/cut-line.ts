/** A line to a server that can be cut at the worst moment: what was asked has been done, and the answer is on its way. */
import { createServer, connect as dial, type Socket } from 'node:net'

export interface CutLine {
  readonly url: string
  /** The next answer does not arrive, and the connection is gone. */
  cutNextAnswer(): void
  /** How often that has happened. */
  readonly cuts: number
  close(): Promise<void>
}

export async function cutLine(url: string): Promise<CutLine> {
  const to = new URL(url)
  const { port, hostname } = to
  const sockets = new Set<Socket>()
  let armed = false
  let cuts = 0
  const server = createServer((near) => {
    const far = dial(Number(port), hostname)
    const end = (): void => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      if (!armed) return void near.write(bytes)
      armed = false
      cuts++
      end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  to.port = `${(server.address() as { port: number }).port}`
  return {
    url: to.href,
    get cuts() {
      return cuts
    },
    cutNextAnswer() {
      armed = true
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
