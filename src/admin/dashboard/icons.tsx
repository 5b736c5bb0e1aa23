import type { PageId } from '../web/pages.js'

/** Outlines on a grid of 24. */
const PATHS: Readonly<Record<PageId, string>> = {
  now: 'M3 12h4l3-8 4 16 3-8h4',
  why: 'M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
  log: 'M4 6h16M4 12h16M4 18h10',
  explore: 'M3 20h18M6 16v-4M11 16V6M16 16v-7M20 16V4',
  threats: 'M12 3 2.5 20h19zM12 10v4M12 17v.01',
  bans: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.6 18.4 18.4 5.6',
  bypass: 'M4 18c6 0 4-12 10-12h6m0 0-3-3m3 3-3 3',
  change: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  reports: 'M5 21V10M12 21V3M19 21v-7',
  gateways: 'M12 4v4M12 8 5 15M12 8l7 7M12 8v7M3 16h4v4H3zM10 16h4v4h-4zM17 16h4v4h-4z',
  system: 'M4 5h16v6H4zM4 13h16v6H4zM8 8v.01M8 16v.01'
}

export function Icon({ page }: { readonly page: PageId }) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[page]} />
    </svg>
  )
}

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#1d5fa8" />
      <circle cx="16" cy="16" r="8.5" fill="none" stroke="#fff" stroke-width="3" />
      <path d="M10 22 22 10" stroke="#fff" stroke-width="3" />
    </svg>
  )
}
