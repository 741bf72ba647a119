import { describe, expect, test } from '@jest/globals';
import { ZONE_NAMES } from '../../src/schedule/zone-names.ts';
import { canonicalZone, nearestZones } from '../../src/schedule/zones.ts';

describe('the name of a zone', () => {
  test.each(
    [
      'UTC',
      'Etc/UTC',
      'Etc/GMT+5',
      'GMT',
      'Asia/Kolkata',
      'Asia/Calcutta',
      'Europe/Kyiv',
      'Europe/Kiev',
    ].concat([
      'EST',
      'MST',
      'HST',
      'EST5EDT',
      'US/Pacific',
      'PRC',
      'America/Argentina/Buenos_Aires',
      'America/Port-au-Prince',
    ]),
  )('%s is accepted in any letter case', (name) => {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()])
      expect(canonicalZone(spelling)).toBe(name);
  });

  test('is accepted for every zone that Intl lists', () => {
    expect(Intl.supportedValuesOf('timeZone').filter((name) => canonicalZone(name) === undefined)).toEqual(
      [],
    );
  });

  test('is of a zone that Intl knows', () => {
    expect(ZONE_NAMES.length).toBeGreaterThan(590);
    expect(ZONE_NAMES.filter((name) => canonicalZone(name) !== name)).toEqual([]);
  });

  test.each([
    ['BST', ['Europe/London', 'Asia/Dhaka']],
    ['IST', ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem']],
    ['pst', ['Asia/Manila', 'America/Los_Angeles', 'America/Vancouver']],
    ['CST', ['Asia/Shanghai', 'America/Mexico_City', 'America/Chicago']],
    ['ACT', ['Australia/Darwin']],
    ['ECT', ['Europe/Paris']],
    ['AET', ['Australia/Sydney']],
    ['ART', ['Africa/Cairo']],
    ['SystemV/EST5', []],
    ['CEST', ['Europe/Paris', 'Europe/Madrid', 'Europe/Berlin']],
    ['New York', ['America/New_York']],
    ['Berlin', ['Europe/Berlin']],
    ['Europe/Berlim', ['Europe/Berlin']],
    ['Europe/Berlin ', ['Europe/Berlin']],
    ['America/San_Fransisco', []],
    ['Mars/Olympus', []],
    ['+02:00', []],
    ['local', []],
    ['', []],
    ['__proto__', []],
  ])('%j is refused, and is like %j', (name, nearest) => {
    expect(canonicalZone(name)).toBeUndefined();
    expect(nearestZones(name)).toEqual(nearest);
  });
});
