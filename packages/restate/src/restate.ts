/** `restate()`: Restate (https://restate.dev) as the engine of an app. */
import { checkOptions, type Declared, type EngineMaker, HostedEngine } from 'tutti/engine'
import { checkRestate } from './check.ts'
import { RestateHost, type RestateOptions, type ServeOptions } from './host.ts'

const OPTIONS: Declared<RestateOptions> = { ingress: true, admin: true, serve: true, headers: true }
const SERVE: Declared<ServeOptions> = { port: true, host: true, advertise: true, register: true }

/**
 * Restate as the engine of an app: it keeps the log of every run, its timers and messages, and gives runs to the workers. The journal that `show`, `replay`, `fork`
 * and `diff` read is written to the app's store, which must be one that all processes share.
 *
 * @example
 * const app = tutti({ flows: [desk], store: postgres(process.env.DATABASE_URL), engine: restate({ serve: { port: 9080 } }) })
 * @throws CONFIG_INVALID for an option that it does not have; opening the app: ENGINE_UNREACHABLE, or CONFIG_INVALID when `serve` is given and the package @restatedev/restate-sdk is not installed
 */
export function restate(o: RestateOptions = {}): EngineMaker {
  checkOptions('restate()', o, OPTIONS)
  if (o.serve !== undefined) checkOptions('the serve of restate()', o.serve, SERVE)
  return {
    '~engine': 'restate',
    make: (ground) => new HostedEngine(ground, new RestateHost(o)),
    check: () => checkRestate(o),
  }
}
