import type { Language } from '../../policy/rules/model/user-explanation.js'

/** The words of the register and of the landing page, in every language. */
export interface Texts {
  /** Of the language itself. */
  readonly name: string
  readonly title: string
  readonly intro: string
  readonly inForce: string
  readonly upcoming: string
  readonly ended: string
  readonly none: string
  readonly what: string
  readonly except: string
  readonly authority: string
  readonly decision: string
  readonly legalBasis: string
  readonly from: string
  /** The label of the last day. */
  readonly until: string
  readonly always: string
  readonly open: string
  readonly hours: string
  readonly scope: string
  /** Names of a list, whose id is internal. */
  readonly list: string
  readonly reference: string
  readonly contact: string
  readonly organization: string
  readonly status: string
  readonly back: string
  readonly languages: string
  readonly asOf: string
  /** Headings and sentences of the landing page. `{}` is the name that the visitor tried to open. */
  readonly blocked: string
  readonly notBlocked: string
  readonly notBlockedWhy: string
  readonly details: string
  readonly otherBans: string
}

export const TEXTS: Readonly<Record<Language, Texts>> = {
  en: {
    name: 'English',
    title: 'Register of bans',
    intro:
      'Apps and services that are blocked on these networks, with the decision behind each block. No data about users is in this register.',
    inForce: 'In force',
    upcoming: 'Not yet in force',
    ended: 'Ended',
    none: 'None.',
    what: 'Blocked',
    except: 'Except',
    authority: 'Authority',
    decision: 'Decision',
    legalBasis: 'Legal basis',
    from: 'From',
    until: 'Last day',
    always: 'not limited',
    open: 'until further notice',
    hours: 'Hours',
    scope: 'Networks',
    list: 'names of a list',
    reference: 'Reference',
    contact: 'Contact',
    organization: 'Organization',
    status: 'Status',
    back: 'All bans',
    languages: 'Languages',
    asOf: 'As of',
    blocked: '{} is blocked on this network',
    notBlocked: '{} is not blocked for you',
    notBlockedWhy: 'The block has ended or does not apply to your device. Try again in a minute.',
    details: 'Read the entry in the register of bans',
    otherBans: 'Bans in force'
  },
  fr: {
    name: 'Français',
    title: 'Registre des interdictions',
    intro:
      'Applications et services bloqués sur ces réseaux, avec la décision à l’origine de chaque blocage. Ce registre ne contient aucune donnée sur les utilisateurs.',
    inForce: 'En vigueur',
    upcoming: 'Pas encore en vigueur',
    ended: 'Terminées',
    none: 'Aucune.',
    what: 'Bloqué',
    except: 'Sauf',
    authority: 'Autorité',
    decision: 'Décision',
    legalBasis: 'Base légale',
    from: 'Du',
    until: 'Dernier jour',
    always: 'sans limite',
    open: 'jusqu’à nouvel ordre',
    hours: 'Heures',
    scope: 'Réseaux',
    list: 'noms d’une liste',
    reference: 'Référence',
    contact: 'Contact',
    organization: 'Organisation',
    status: 'Statut',
    back: 'Toutes les interdictions',
    languages: 'Langues',
    asOf: 'Situation au',
    blocked: '{} est bloqué sur ce réseau',
    notBlocked: '{} n’est pas bloqué pour vous',
    notBlockedWhy:
      'Le blocage est terminé ou ne concerne pas votre appareil. Réessayez dans une minute.',
    details: 'Lire l’entrée dans le registre des interdictions',
    otherBans: 'Interdictions en vigueur'
  },
  nl: {
    name: 'Nederlands',
    title: 'Register van verboden',
    intro:
      'Apps en diensten die op deze netwerken geblokkeerd zijn, met het besluit achter elke blokkering. Dit register bevat geen gegevens over gebruikers.',
    inForce: 'Van kracht',
    upcoming: 'Nog niet van kracht',
    ended: 'Beëindigd',
    none: 'Geen.',
    what: 'Geblokkeerd',
    except: 'Behalve',
    authority: 'Autoriteit',
    decision: 'Besluit',
    legalBasis: 'Rechtsgrond',
    from: 'Van',
    until: 'Laatste dag',
    always: 'onbeperkt',
    open: 'tot nader order',
    hours: 'Uren',
    scope: 'Netwerken',
    list: 'namen van een lijst',
    reference: 'Referentie',
    contact: 'Contact',
    organization: 'Organisatie',
    status: 'Status',
    back: 'Alle verboden',
    languages: 'Talen',
    asOf: 'Stand',
    blocked: '{} is geblokkeerd op dit netwerk',
    notBlocked: '{} is voor u niet geblokkeerd',
    notBlockedWhy:
      'De blokkering is beëindigd of geldt niet voor uw toestel. Probeer het over een minuut opnieuw.',
    details: 'Lees de vermelding in het register van verboden',
    otherBans: 'Verboden die van kracht zijn'
  },
  de: {
    name: 'Deutsch',
    title: 'Register der Sperren',
    intro:
      'Apps und Dienste, die in diesen Netzen gesperrt sind, mit dem Beschluss zu jeder Sperre. Dieses Register enthält keine Daten über Nutzer.',
    inForce: 'In Kraft',
    upcoming: 'Noch nicht in Kraft',
    ended: 'Beendet',
    none: 'Keine.',
    what: 'Gesperrt',
    except: 'Außer',
    authority: 'Behörde',
    decision: 'Beschluss',
    legalBasis: 'Rechtsgrundlage',
    from: 'Von',
    until: 'Letzter Tag',
    always: 'unbegrenzt',
    open: 'bis auf Weiteres',
    hours: 'Zeiten',
    scope: 'Netze',
    list: 'Namen einer Liste',
    reference: 'Kennung',
    contact: 'Kontakt',
    organization: 'Organisation',
    status: 'Status',
    back: 'Alle Sperren',
    languages: 'Sprachen',
    asOf: 'Stand',
    blocked: '{} ist in diesem Netz gesperrt',
    notBlocked: '{} ist für Sie nicht gesperrt',
    notBlockedWhy:
      'Die Sperre ist beendet oder gilt nicht für Ihr Gerät. Versuchen Sie es in einer Minute erneut.',
    details: 'Eintrag im Register der Sperren lesen',
    otherBans: 'Sperren in Kraft'
  }
}
