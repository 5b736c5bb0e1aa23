import { randomBytes } from 'node:crypto'
import { chownSync, mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { containsPrefix, readAddress, type Prefix } from '../../../base/values/address.js'
import { localAddresses } from '../../../wire/sockets/local-addresses.js'
import { usageError } from '../../exit.js'

/** Folders and files of a pair. */
export const PAIR_FOLDERS = ['pair', 'secrets'] as const
/** Readable by the group of the folder, which is that of the gateway. */
const SECRET = 0o640

/** @param addresses of `--pair` @param name of `--interface`; undefined: the one in the network of an address */
export function pairOf(addresses: readonly string[], name: string | undefined): Pair {
  const read = addresses.map(text => {
    return (
      readInterfaceAddress(text) ??
      usageError(`--pair: ${text} is not an address with a prefix length such as 192.0.2.53/24`)
    )
  })
  const found = name ?? read.map(interfaceOf).find(found => found !== undefined)
  if (found === undefined)
    usageError(`no interface has an address in ${addresses.join(' or ')}: give --interface`)
  if (!/^[^\s/"#!{}]{1,15}$/.test(found))
    usageError(`--interface: ${found} is not a name such as eth0`)
  return { addresses, interface: found }
}

/** Writes secrets and the settings of keepalived and BIRD. @param admin `admin.http`, if it is set otherwise */
export function writePair(pair: Pair, folder: string, admin: string | undefined): void {
  for (const name of PAIR_FOLDERS) mkdirSync(join(folder, name))
  for (const [path, [text, mode]] of Object.entries(pairTexts(pair, folder, admin)))
    writeFileAtomic(join(folder, path), text, { mode })
  const secrets = {
    'secrets/cookies': `${randomBytes(16).toString('hex')}\n`,
    'secrets/tickets': randomBytes(64)
  }
  for (const [path, secret] of Object.entries(secrets)) {
    const file = join(folder, path)
    writeFileAtomic(file, secret, { mode: SECRET })
    const { gid } = statSync(folder)
    if (statSync(file).gid !== gid) chownSync(file, -1, gid)
  }
}

const ADDRESS_BITS = 128
/** IPv4 is ::ffff:0:0/96. RFC 4291 §2.5.5.2 */
const MAPPED_BITS = 96
const ADDRESS = /^([^/]+)\/(\d{1,3})$/

/** Host bits may be set, as the address of an interface is written. */
function readInterfaceAddress(text: string): Prefix | undefined {
  const [, written = '', digits] = ADDRESS.exec(text) ?? []
  try {
    const address = readAddress(written)
    const length = Number(digits) + (written.includes(':') ? 0 : MAPPED_BITS)
    return Number(digits) >= 1 && length <= ADDRESS_BITS ? { address, length } : undefined
  } catch {
    return undefined
  }
}

/** The interface with an address in the same network. */
function interfaceOf(shared: Prefix): string | undefined {
  return localAddresses().find(({ address }) => {
    // A link-local address has its zone.
    const own = readAddress(address.split('%')[0]!)
    return containsPrefix(shared, { address: own, length: ADDRESS_BITS })
  })?.interface
}

/** Two gateways that share addresses. */
export interface Pair {
  /** Shared addresses with prefix lengths, such as 192.0.2.53/24, grouped by family. */
  readonly addresses: readonly string[]
  /** Network interface that has them, such as eth0. */
  readonly interface: string
}

/** `admin.http` of a pair without a dashboard. */
export const PAIR_ADMIN = '127.0.0.1:8053'

/**
 * Files that both gateways have, by path, with their modes.
 *
 * @param folder of the settings @param admin address and port of `/readyz`
 */
export function pairTexts(
  pair: Pair,
  folder: string,
  admin = PAIR_ADMIN
): Readonly<Record<string, [string, number]>> {
  return {
    'pair/ready': [ready(admin), SCRIPT],
    'pair/keepalived-1.conf': [keepalived(pair, 'first', folder), TEXT],
    'pair/keepalived-2.conf': [keepalived(pair, 'second', folder), TEXT],
    'pair/anycast': [anycast(pair), SCRIPT],
    'pair/bird.conf': [BIRD, TEXT]
  }
}

const TEXT = 0o644
const SCRIPT = 0o755

const ready = (admin: string): string => `#!/bin/sh
# Ends with 0 if the gateway of this machine can answer. A gateway that hangs does not answer in time.
exec curl --silent --fail --max-time 0.15 --output /dev/null http://${admin}/readyz
`

/** The gap between both priorities is less than the weight, so that a gateway that is not ready gives way. */
const PRIORITY = { first: 150, second: 100 } as const
const WEIGHT = 60

/** A pair of VRRP (RFC 9568). Other VRRP pairs of the same network segment need other router IDs. */
function keepalived(
  { addresses, interface: name }: Pair,
  which: keyof typeof PRIORITY,
  folder: string
): string {
  const isIpv6 = (address: string): boolean => address.includes(':')
  const [own, others] = [true, false].map(same =>
    addresses.filter(address => (isIpv6(address) === isIpv6(addresses[0]!)) === same)
  )
  return `# keepalived of the ${which} gateway: /etc/keepalived/keepalived.conf
global_defs {
    vrrp_version 3
    vrrp_priority -20
    enable_script_security
    script_user root
}
# A gateway that is not ready lowers its priority: if neither is, the first keeps the addresses.
vrrp_script interdict {
    script "${join(resolve(folder), 'pair/ready')}"
    interval 0.2
    timeout 0.3
    fall 2
    rise 5
    weight -${WEIGHT}
}
vrrp_instance dns {
    state BACKUP
    interface ${name}
    virtual_router_id 53
    priority ${PRIORITY[which]}
    advert_int 0.1
    track_script {
        interdict
    }
    virtual_ipaddress {
${lines(own!)}    }
${
  others!.length === 0
    ? ''
    : `    # The other family: VRRP advertises one.
    virtual_ipaddress_excluded {
${lines(others!)}    }
`
}}
`
}

const lines = (items: readonly string[]): string => items.map(item => `        ${item}\n`).join('')

/** Anycast: the address is on the loopback interface while the gateway is ready. */
function anycast({ addresses }: Pair): string {
  const hosts = addresses.map(address => {
    const [host] = address.split('/')
    return `${host!}/${host!.includes(':') ? 128 : 32}`
  })
  return `#!/bin/sh
# The addresses are on the loopback interface while the gateway is ready, and BIRD announces them. Run it as root,
# as a service that is always restarted. Two failures in a row withdraw the addresses.
here=$(dirname "$0")
failures=2
trap 'set_addresses del; exit 0' TERM INT
set_addresses() {
${hosts.map(host => `    ip address "$1" ${host} dev lo 2>/dev/null\n`).join('')}}
while :; do
    if "$here/ready"; then
        [ $failures -lt 2 ] || set_addresses add
        failures=0
    else
        failures=$((failures + 1))
        [ $failures -ne 2 ] || set_addresses del
    fi
    sleep 0.2
done
`
}

const BIRD = `# BIRD 2 of either gateway: /etc/bird/bird.conf. Write its own address and AS, and those of its router.
router id 192.0.2.11;
protocol device { scan time 1; }
protocol direct { interface "lo"; ipv4; ipv6; }
# A router notices within 0.3 s that the machine or the link is gone.
protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }
protocol bgp router1 {
    local 192.0.2.11 as 64512;
    neighbor 192.0.2.1 as 64500;
    bfd on;
    # After a fault the session returns within seconds; the defaults are minutes.
    connect delay time 1; connect retry time 2; error wait time 1, 5;
    ipv4 { import none; export where source = RTS_DEVICE; };
}
`
