/** What does the work of commands that do not exist, by names that people try. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  validate: '"interdict check" validates settings and rules',
  test: '"interdict check" runs the policy tests of the rules',
  stop: 'the service manager stops the gateway, such as "systemctl stop interdict"; so does SIGTERM',
  reload: 'the gateway reads saved files by itself; SIGHUP has it read them again',
  dashboard: 'set admin.http in the settings, and open that address in a browser',
  exceptions: '"interdict bans" lists exceptions as well'
}

/** A line that leads from the name of an unknown command to what does its work; '' for other names. */
export function showOtherName(name: string | undefined): string {
  const hint =
    name !== undefined && Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined
  return hint === undefined ? '' : `${hint}\n`
}
