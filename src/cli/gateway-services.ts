import { HttpHandle } from '../admin/server/http-handle.js'
import type { GatewayServices } from '../gateway/control/services.js'
import { FleetHandle } from '../fleet/agent/fleet-handle.js'

/** The services of a gateway that are above it. */
export const GATEWAY_SERVICES: GatewayServices = {
  admin: options => new HttpHandle(options),
  fleet: options => new FleetHandle(options)
}
