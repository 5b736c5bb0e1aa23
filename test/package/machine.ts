import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { attempt, run, type Ended } from '../container/command.js'
import { eventually } from '../interop/processes.js'

/** Units of this machine that the test does not start; the service, once it is installed. */
const TARGET = `[Unit]
Requires=basic.target systemd-journald.service dbus.service
Wants=interdict.service
After=basic.target systemd-journald.service dbus.service
`

/**
 * Boots systemd on a copy-on-write view of this machine's file system, with process, network and mount namespaces of
 * its own. Devices cannot be made in it, nor /proc be mounted again, so the unit's PrivateDevices and ProtectProc are off.
 */
const BOOT = `
set -e
cd "$1"
mkdir -p upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" root
mount -t proc proc root/proc
mount --rbind /sys root/sys
mount -t cgroup2 cgroup2 root/sys/fs/cgroup
for folder in dev run tmp; do mount -t tmpfs tmpfs root/$folder; done
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
  set -- "$1" "$2" $(echo $device | tr : ' ')
  mknod -m 666 root/dev/$3 c $4 $5
done
mkdir -p root/dev/shm root/dev/pts root/packages
touch root/dev/console
mount --bind "$2" root/packages
if [ ! -e installed ]; then
  rm -f root/usr/sbin/policy-rc.d root/etc/machine-id
  rm -rf root/etc/interdict root/var/log/interdict root/var/lib/interdict
  touch installed
fi
mkdir -p root/etc/systemd/system/interdict.service.d
printf '[Service]\\nPrivateDevices=no\\nProtectProc=default\\n' \\
  > root/etc/systemd/system/interdict.service.d/test.conf
printf '%s' "$TARGET" > root/etc/systemd/system/test.target
ip link set lo up
exec chroot root env container=other /usr/lib/systemd/systemd --system --unit=test.target
`

/** A machine that runs systemd, and nothing else; gone when the test is over. */
export class Machine {
  private constructor(
    private readonly start: () => Promise<Booted>,
    private booted: Booted
  ) {}

  /** @param packages the folder that is /packages in it */
  static async boot(t: Test, folder: string, packages: string): Promise<Machine> {
    const place = join(folder, 'machine')
    mkdirSync(place)
    // Mounted outside, so that what the machine writes outlives a reboot.
    await run('mount', ['-t', 'tmpfs', 'tmpfs', place])
    let booted: Booted | undefined
    t.teardown(() => booted?.child.kill('SIGKILL'))
    const start = async (): Promise<Booted> => {
      booted = await spawnMachine(place, join(folder, 'machine.log'), packages)
      return booted
    }
    const machine = new Machine(start, await start())
    await machine.isUp()
    return machine
  }

  /** Shuts it down, which ends all its processes, and boots it again with the same files. */
  async reboot(): Promise<void> {
    const { child } = this.booted
    const ended = new Promise<void>(resolve => child.on('exit', () => resolve()))
    await this.attempt('systemctl --no-block reboot')
    await ended
    this.booted = await this.start()
    await this.isUp()
  }

  private async isUp(): Promise<void> {
    await eventually('systemd is up, or has ended', 60, async () => {
      const { child, log } = this.booted
      if (child.exitCode !== null) throw new Error(readFileSync(log, 'utf8'))
      return (await this.attempt('systemctl is-active --quiet test.target')).code === 0
    })
  }

  /** Runs a shell command in it, whatever its exit code. */
  attempt(command: string): Promise<Ended> {
    return attempt('nsenter', this.words(command))
  }

  /** Runs a shell command in it that has to succeed. */
  run(command: string): Promise<string> {
    return run('nsenter', this.words(command))
  }

  /** Runs a command in it until the machine is gone. */
  async background(name: string, words: readonly string[]): Promise<void> {
    await this.run(`systemd-run --quiet --unit=${name} ${words.join(' ')}`)
  }

  /** One property of the service. */
  async property(name: string): Promise<string> {
    return (await this.run(`systemctl show --property ${name} --value interdict`)).trim()
  }

  /** Runs a program of the host in its network, which outlives the machine. */
  inNetwork(words: readonly string[]): Promise<string> {
    return run('nsenter', ['--target', this.booted.pid, '--net', ...words])
  }

  private words(command: string): string[] {
    const env = [
      'env',
      '-i',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'DEBIAN_FRONTEND=noninteractive'
    ]
    return ['--target', this.booted.pid, '--all', '--root', '--wd', ...env, 'sh', '-c', command]
  }
}

interface Booted {
  /** Of systemd, as the host sees it. */
  readonly pid: string
  readonly child: ChildProcess
  /** What it prints. */
  readonly log: string
}

async function spawnMachine(place: string, log: string, packages: string): Promise<Booted> {
  const output = openSync(log, 'w')
  const spaces = ['mount', 'pid', 'fork', 'kill-child', 'uts', 'ipc', 'net', 'cgroup']
  const words = [...spaces.map(name => `--${name}`), 'sh', '-c', BOOT, 'sh', place, packages]
  const child = spawn('unshare', words, {
    stdio: ['ignore', output, output],
    env: { ...process.env, TARGET }
  })
  closeSync(output)
  const children = `/proc/${child.pid}/task/${child.pid}/children`
  await eventually('a process', 10, () =>
    Promise.resolve(readFileSync(children, 'utf8').trim() !== '')
  )
  return { pid: readFileSync(children, 'utf8').trim(), child, log }
}
