import type { ServiceKey } from '../run/effect.port.ts'
import type { Gateway } from './model.port.ts'

/** Where an app keeps its gateway among its services. */
export const gatewayKey: ServiceKey<Gateway> = { service: 'model.gateway' }
