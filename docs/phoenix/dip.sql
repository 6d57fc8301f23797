/* The minutes of the SRP hold that are more than a tenth under its median. Local time. */
WITH hold AS (SELECT 60 * metered_kwh AS kw, median(60 * metered_kwh) OVER () AS median_kw,
      strftime(interval_start_utc AT TIME ZONE 'America/Phoenix', '%H:%M') AS local
    FROM out_event__baseline WHERE event_id = 'srp-hold' AND rule_id LIKE 'pre_event_hour%')
SELECT min(local) AS first, max(local) AS last, count(*) AS minutes, format('{:.1f}', min(kw)) AS min_kw,
  format('{:.1f}', any_value(median_kw)) AS median_kw,
  format('{:.2f}', sum(median_kw - kw) / 60) AS kwh_below_median
FROM hold WHERE kw < 0.9 * median_kw
