/** Keys of AdGuardHome.yaml that need nothing here, whatever they say. */
const UNNEEDED: readonly (readonly [RegExp, string])[] = [
  [
    /^(http|users|auth_attempts|block_auth_min|http_proxy|language|theme|bind_host|bind_port|beta_bind_port|web_session_ttl|debug_pprof)\b/,
    'the dashboard and the API have their own logins: see docs/guides/dashboard.md'
  ],
  [
    /^(log|os|schema_version|rlimit_nofile|log_\w+|verbose)\b/,
    'a matter of the service manager, and of "log" in the settings'
  ],
  [/^statistics\b|^dns\.statistics/, 'reports are made from the query log'],
  [/^dns\.(bootstrap_dns|bootstrap_prefer_ipv6)\b/, 'upstreams have addresses here'],
  [
    /^dns\.(upstream_mode|all_servers|fastest_addr|fastest_timeout|parallel)/,
    'Interdict asks the fastest upstream, and others when it does not answer'
  ],
  [
    /^dns\.(cache_size|cache_optimistic\w*|cache_enabled|max_goroutines|pending_requests.*|handle_ddr|refuse_any|serve_plain_dns|hostsfile_enabled|use_http3_upstreams|serve_http3|ipset_file|upstream_timeout|resolve_clients|autohost_tld)\b/,
    'Interdict does it without a setting'
  ],
  [
    /^dns\.(querylog|edns_client_subnet\.(custom_ip|use_custom)|ratelimit_subnet)/,
    'it belongs to another setting'
  ],
  [
    /^dns\.private_networks\b/,
    'reverse names of private addresses are answered here: see "special-use" in docs/reference/settings.md'
  ],
  [
    /^filtering\.(safebrowsing_cache_size|safesearch_cache_size|parental_cache_size|cache_time|parental_block_host|safebrowsing_block_host|rewrites_enabled|safe_fs_patterns|protection_disabled_until|filters_update_interval|max_http_size)\b/,
    'Interdict does it without a setting: lists are fetched every day'
  ],
  [/^(tls|dhcp|querylog)\.(?!enabled$)/, 'it belongs to a setting of its section'],
  [/^clients\.runtime_sources\b/, 'clients are identified by address, certificate or token']
]

/** What to do instead of settings that are not carried over. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^dns\.upstream_dns_file$/, 'write the resolvers of this file into upstreams'],
  [
    /^dns\.fallback_dns$/,
    'add it to upstreams.servers: Interdict asks others when one does not answer'
  ],
  [
    /^dns\.disallowed_clients$/,
    'leave the address out of the prefixes of all networks: it is refused then'
  ],
  [
    /^dns\.aaaa_disabled$/,
    'no rule drops AAAA alone: put "||NAME^$dnstype=AAAA" into a list with format adblock'
  ],
  [/^dns\.enable_dnssec$/, 'to validate answers here, set "dnssec: enforce" in the network'],
  [/^dns\.edns_client_subnet/, 'Interdict sends no client subnet to upstreams'],
  [/^dns\.trusted_proxies$/, 'list the proxies in front-ends.proxy-protocol'],
  [/^dns\.ipset/, 'Interdict does not fill address sets of the kernel'],
  [
    /^filtering\.(safebrowsing|parental)_enabled$/,
    'add a list of malware or adult names: see docs/guides/block-lists.md'
  ],
  [
    /^tls\.enabled$/,
    'add listeners with protocol, certificate and key: see docs/guides/encrypted-dns.md'
  ],
  [
    /^dhcp\.enabled$/,
    'Interdict has no DHCP server: keep one, and give its clients the address of this gateway'
  ]
]

export const whyUnneeded = (key: string): string | undefined =>
  UNNEEDED.find(([keys]) => keys.test(key))?.[1]

export const adviceFor = (key: string): string =>
  ADVICE.find(([keys]) => keys.test(key))?.[1] ??
  'no such setting here; docs/reference/settings.md has all that there are'

/** Services of AdGuard Home by another name than their app in the catalogue. */
const APPS: Readonly<Record<string, string>> = {
  twitter: 'x',
  mail_ru: 'mail-ru',
  ok: 'odnoklassniki',
  qq: 'qq',
  deepseek: 'deepseek',
  microsoft_teams: 'teams'
}

/** The id that an app of the catalogue has, if there is one, for a service of AdGuard Home. */
export const appOf = (service: string): string => APPS[service] ?? service.replaceAll('_', '-')
