/** Loaded before a program (`--import`): whoever reaches for the network, another process or a provider's package ends it with exit code 97. */
import child from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import { writeSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { registerHooks, syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import tls from 'node:tls'

function poison(what: string): never {
  writeSync(2, `poisoned: ${what}\n`)
  process.exit(97)
}

/** Every function with one of these names, wherever it hangs. */
function spoil(module: object, name: string, names: readonly string[]): void {
  for (const each of names) {
    if (typeof (module as Record<string, unknown>)[each] === 'function') Object.assign(module, { [each]: () => poison(`${name}.${each}`) })
  }
}

spoil(net, 'net', ['connect', 'createConnection', 'createServer'])
spoil(net.Socket.prototype, 'net.Socket', ['connect'])
spoil(tls, 'tls', ['connect'])
spoil(dgram, 'dgram', ['createSocket'])
spoil(dns, 'dns', ['lookup', 'resolve', 'resolve4', 'resolve6', 'resolveAny'])
spoil(dns.promises, 'dns.promises', ['lookup', 'resolve', 'resolve4', 'resolve6', 'resolveAny'])
for (const [name, module] of Object.entries({ http, https })) spoil(module, name, ['request', 'get', 'createServer'])
spoil(http2, 'http2', ['connect'])
spoil(child, 'child_process', ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'])
spoil(globalThis, 'globalThis', ['fetch', 'WebSocket', 'EventSource'])
syncBuiltinESMExports()

registerHooks({
  resolve: (specifier, context, next) => (/^@ai-sdk\/(?!provider$)|^(openai|@anthropic-ai\/)/.test(specifier) ? poison(specifier) : next(specifier, context)),
})
