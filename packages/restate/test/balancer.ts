/** One address before several workers, as a load balancer stands there: each connection goes to the next worker that takes it. */
import { connect, createServer, type Socket } from 'node:net'

export interface Balancer {
  readonly url: string
  /** Nobody reaches the worker at this port any more, until what is answered is called. */
  cutOff(port: number): () => void
  close(): Promise<void>
}

export async function balancer(ports: readonly number[]): Promise<Balancer> {
  let next = 0
  const sockets = new Set<Socket>()
  const cut = new Set<number>()
  const reached = new Map<number, Set<Socket>>(ports.map((port) => [port, new Set()]))
  const server = createServer((from) => {
    sockets.add(from)
    from.on('error', () => {}).on('close', () => sockets.delete(from))
    const join = (tried: number): void => {
      if (tried === ports.length) return void from.destroy()
      const port = ports[next++ % ports.length] as number
      if (cut.has(port)) return join(tried + 1)
      const to = connect(port, '127.0.0.1')
      reached.get(port)?.add(to)
      to.once('close', () => reached.get(port)?.delete(to))
      to.once('error', () => join(tried + 1))
      to.once('connect', () => {
        to.removeAllListeners('error').on('error', () => from.destroy())
        to.on('close', () => from.destroy())
        from.on('close', () => to.destroy())
        from.pipe(to)
        to.pipe(from)
      })
    }
    join(0)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  const cutOff = (port: number): (() => void) => {
    cut.add(port)
    for (const socket of reached.get(port) ?? []) socket.destroy()
    return () => void cut.delete(port)
  }
  return { cutOff, url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, close }
}
