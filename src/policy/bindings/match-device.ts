import type { DeviceFacts } from './binding.js'
import { MAX_DEVICE_TEXT } from './device-table.js'

/** A fact of a device, by which it is a client. */
export interface DeviceMatch {
  readonly fact: 'mac' | 'user' | 'group' | 'host'
  readonly value: string
}

/** A client as far as devices matter. */
export interface DeviceRule {
  readonly id: string
  readonly devices: readonly DeviceMatch[]
}

/** Finds the client that a device is: the first in the order written. */
export class DeviceMatcher<Rule extends DeviceRule> {
  /** By fact and value, the place of the first client that has it. */
  private readonly places = new Map<string, number>()

  constructor(private readonly rules: readonly Rule[]) {
    for (const [place, { devices }] of rules.entries()) {
      for (const { fact, value } of devices) {
        const key = `${fact} ${value}`
        if (!this.places.has(key)) this.places.set(key, place)
      }
    }
  }

  /** @returns undefined: the device is no client of the rules */
  find({ mac, user, host, groups = [] }: DeviceFacts): Rule | undefined {
    const keys = [`mac ${mac}`, `user ${user}`, `host ${host}`, ...groups.map(it => `group ${it}`)]
    const places = keys.flatMap(key => this.places.get(key) ?? [])
    return places.length === 0 ? undefined : this.rules[Math.min(...places)]
  }
}

const PRINTABLE = /^[!#-[\]-~]+$/

/**
 * Name of a device behind that of its client, for the log: which of its devices it is. Nothing for a client that is one device by
 * its MAC address.
 */
export function deviceText(rule: DeviceRule, { mac, host, user }: DeviceFacts): string {
  const isOne = rule.devices.length === 1 && rule.devices[0]!.fact === 'mac'
  if (isOne) return ''
  const texts = [host, mac, user].filter(one => one !== undefined)
  return texts.find(text => text.length <= MAX_DEVICE_TEXT && PRINTABLE.test(text)) ?? ''
}
