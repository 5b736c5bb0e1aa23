import { lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DESCRIPTION, SUMMARY, type PackageInfo, type PackageName } from './info.js'
import { licences } from './notices.js'
import { ARCHITECTURES, type Architecture } from './runtime.js'
import { filesBelow, normalize, run } from './system.js'

/** Folders that belong to the package, not to the system. */
const OWN_FOLDERS = ['usr/lib/interdict', 'usr/share/doc/interdict', 'usr/share/interdict']

const SCRIPTS = `
%pre
# For %postun, which restarts the service if its unit has changed.
if [ "$1" -ge 2 ]; then
  cp /usr/lib/systemd/system/interdict.service /run/interdict.service.before 2>/dev/null || :
fi

%post
systemd-sysusers interdict.conf
systemd-tmpfiles --create interdict.conf
# Answers on loopback alone, until an operator writes networks and addresses. Nothing is overwritten.
if [ ! -e /etc/interdict/interdict.yaml ] && [ ! -e /etc/interdict/rules ]; then
  interdict init /etc/interdict --yes >/dev/null
fi
if [ "$1" -eq 1 ] && [ -x /usr/bin/systemctl ]; then
  systemctl --no-reload preset interdict.service >/dev/null 2>&1 || :
fi

%preun
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
  systemctl --no-reload disable --now interdict.service interdict-certificate.timer >/dev/null 2>&1 || :
fi

%postun
if [ "$1" -eq 0 ]; then
  echo "interdict: /etc/interdict, /var/lib/interdict and /var/log/interdict remain; delete them when they are no longer needed"
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload >/dev/null 2>&1 || :
  is_valid() { interdict check -c /etc/interdict/interdict.yaml >/dev/null 2>&1; }
  # No query is lost if the new program takes over the sockets. If saved rules have errors, it answers by those in force.
  take_over() { interdict upgrade -c /etc/interdict/interdict.yaml >/dev/null 2>&1; }
  # A changed unit takes effect at a restart only, which needs valid settings and rules.
  restart() { is_valid && systemctl try-restart interdict.service >/dev/null 2>&1; }
  if [ "$1" -ge 1 ] && systemctl --quiet is-active interdict.service; then
    is_outdated=
    if cmp -s /run/interdict.service.before /usr/lib/systemd/system/interdict.service; then
      take_over || restart || is_outdated=1
    else
      restart || take_over || is_outdated=1
    fi
    if [ -n "$is_outdated" ]; then
      echo "interdict goes on with its previous version: correct what interdict check reports, then run interdict upgrade" >&2
    elif ! is_valid; then
      echo "interdict was upgraded, with the rules that were in force: correct what interdict check reports" >&2
    fi
  fi
  rm -f /run/interdict.service.before
fi
`

/** Settings of rpmbuild under which the same files give the same package. */
const REPRODUCIBLE = {
  _buildhost: 'interdict',
  use_source_date_epoch_as_buildtime: '1',
  source_date_epoch_from_changelog: '0',
  build_mtime_policy: 'clamp_to_source_date_epoch',
  clamp_mtime_to_source_date_epoch: '1',
  // Nothing is compiled here: no stripping, no compiling of Python, no search for build identifiers.
  __os_install_post: '%{nil}',
  debug_package: '%{nil}',
  _build_id_links: 'none'
}

/**
 * Makes an RPM package of a staged tree, in which it moves what RPM distributions have elsewhere.
 *
 * @returns its path
 */
export function buildRpm(
  name: PackageName,
  root: string,
  architecture: Architecture,
  info: PackageInfo,
  folder: string
): string {
  const { rpm } = ARCHITECTURES[architecture]
  if (name === 'interdict') {
    const zsh = join(root, 'usr/share/zsh')
    renameSync(join(zsh, 'vendor-completions'), join(zsh, 'site-functions'))
  }
  normalize(root, info.epoch)
  const top = resolve(root, '..', `rpm-${name}`)
  mkdirSync(top)
  const spec = join(top, `${name}.spec`)
  writeFileSync(spec, specFile(name, root, info))
  const settings = {
    ...REPRODUCIBLE,
    _binary_payload: info.isFast ? 'w1.gzdio' : 'w12.zstdio',
    _topdir: top,
    _rpmdir: resolve(folder),
    _rpmfilename: `%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm`
  }
  const defines = Object.entries(settings).flatMap(([key, value]) => [
    '--define',
    `${key} ${value}`
  ])
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(info.epoch) }
  run('rpmbuild', ['-bb', '--target', `${rpm}-linux`, ...defines, spec], { env })
  return join(folder, `${name}-${info.version}-1.${rpm}.rpm`)
}

function specFile(name: PackageName, root: string, { version, maintainer }: PackageInfo): string {
  const needs =
    name === 'interdict'
      ? 'Requires: glibc >= 2.28, libgcc, libstdc++, systemd\nRecommends: interdict-analysis = %{version}'
      : 'Requires: interdict = %{version}, util-linux'
  return `Name: ${name}
Version: ${version}
Release: 1
Summary: ${SUMMARY[name].replace(/^./, first => first.toUpperCase())}
License: ${licences()}
Packager: ${maintainer}
AutoReqProv: no
${needs}

%description
${DESCRIPTION[name]}

%install
mkdir -p %{buildroot}
cp -a ${resolve(root)}/. %{buildroot}/
${name === 'interdict' ? SCRIPTS : ''}
%files
%defattr(-,root,root,-)
${[...ownFolders(root).map(path => `%dir "/${path}"`), ...filesBelow(root).map(path => `"/${path}"`)].join('\n')}
`
}

function ownFolders(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(path => lstatSync(join(root, path)).isDirectory())
    .filter(path => OWN_FOLDERS.some(own => `${path}/`.startsWith(`${own}/`)))
    .sort()
}
