/** Settings of Unbound's `server:` that need nothing here, by what they are about. */
const UNNEEDED: readonly (readonly [RegExp, string])[] = [
  [
    /^(num-threads|.*-slabs|.*cache-(size|slabs)|outgoing-range|num-queries-per-thread|so-.*|infra-.*|outgoing-num-tcp|incoming-num-tcp|msg-buffer-size|jostle-timeout|stream-wait-size|edns-buffer-size|max-udp-size|tcp-.*|edns-tcp-.*|udp-.*|delay-close|fast-server-.*|discard-timeout|wait-limit.*|target-fetch-policy|http-.*|ip-transparent|ip-freebind|ip-dscp|sock-queue-timeout|max-(query-restarts|sent-count|reuse-.*)|outbound-msg-retry|unwanted-reply-threshold)$/,
    'Interdict sizes threads, sockets and caches by itself; see docs/reference/settings.md for limits'
  ],
  [
    /^(username|chroot|directory|pidfile|use-syslog|logfile|log-.*|verbosity|statistics-.*|extended-statistics|shm-.*|use-systemd|do-daemonize)$/,
    'a matter of the service manager, and of "log" and "admin" in the settings'
  ],
  [
    /^(hide-.*|harden-.*|qname-minimisation.*|use-caps-for-id|caps-(exempt|whitelist)|aggressive-nsec|minimal-responses|rrset-roundrobin|deny-any|root-hints|val-.*|ignore-cd-flag|trust-anchor-signaling|root-key-sentinel|zonemd-.*|do-not-query-.*|prefetch(-key)?|serve-expired.*|serve-original-ttl|cache-max-negative-ttl|cache-min-negative-ttl|iter-scrub-.*|ede.*|answer-cookie|cookie-secret.*|tls-(cert-bundle|system-cert|win-cert|upstream|ciphers|ciphersuites|use-system-policy-versions)|ssl-upstream|module-config|permit-small-holddown|add-holddown|del-holddown|keep-missing|auto-trust-.*-interval|interface-automatic.*|tcp-upstream)$/,
    'Interdict does it without a setting, or it concerns recursion, which the upstream does'
  ]
]

/** What to do instead of settings of Unbound's `server:` that are not carried over. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^(auto-trust-anchor-file|trust-anchor.*|trusted-keys-file|dlv-.*)$/,
    'to validate answers here, set "dnssec: enforce" in the network, and dnssec.trust-anchors in the settings for zones of your own'
  ],
  [
    /^domain-insecure$/,
    'write a DNSSEC exception with purpose, approval and end: see "DNSSEC exceptions" in docs/reference/rules.md'
  ],
  [
    /^(tls-service-(key|pem)|tls-port|https-port|ssl-.*|quic-.*)$/,
    'add a listener with protocol, certificate and key: see docs/guides/encrypted-dns.md'
  ],
  [/^(ip-)?ratelimit/, 'set limits.queries-per-second and its neighbours in the settings'],
  [
    /^(outgoing-interface|outgoing-port-.*)$/,
    'set upstreams.source-ports; the source address is that of the route'
  ],
  [
    /^(define-tag|.*-tag.*|access-control-view|interface-view|interface-action|interface-tag.*)$/,
    'write a network for these clients, with rules of its own'
  ],
  [/^response-ip/, 'block addresses in answers with "addresses" in a rule'],
  [
    /^(insecure-lan-zones|unblock-lan-zones)$/,
    'add the reverse zones to upstreams.forward, with the resolvers that have them'
  ],
  [
    /^(send-client-subnet|client-subnet.*|max-client-subnet.*|ecs-.*)$/,
    'Interdict sends no client subnet to upstreams'
  ],
  [
    /^(disable-dnssec-lame-check|identity|version|nsid)$/,
    'see "identity" in docs/reference/settings.md'
  ],
  [/^prefer-ip/, 'name upstreams of the family that you prefer'],
  [/^proxy-protocol-port$/, 'list the proxies in front-ends.proxy-protocol']
]

export function whyUnneeded(key: string): string | undefined {
  return UNNEEDED.find(([keys]) => keys.test(key))?.[1]
}

export function adviceFor(key: string): string {
  return (
    ADVICE.find(([keys]) => keys.test(key))?.[1] ??
    'no such setting here; docs/reference/settings.md has all that there are'
  )
}
