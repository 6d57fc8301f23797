/* The operator's projection, held between its change points, against the metered minutes. DATA is
   the folder of the minutes. */
WITH aps AS (FROM 'DATA/power_1min.parquet' WHERE experiment = 'APS'),
  pair AS (SELECT metered.power_w AS metered_w, projected.power_w AS projected_w
    FROM (FROM aps WHERE series = 'total') metered
    ASOF JOIN (FROM aps WHERE series = 'simulator_projected_total') projected
    ON metered.time_utc >= projected.time_utc)
SELECT count(*) AS minutes,
  format('{:.1f}', 100 * sqrt(avg((projected_w - metered_w) ** 2)) / avg(metered_w)) AS cv_rmse_percent,
  format('{:.1f}', 100 * avg(projected_w - metered_w) / avg(metered_w)) AS bias_percent
FROM pair
