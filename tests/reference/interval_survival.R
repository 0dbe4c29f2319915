# Weibull, log-normal and log-logistic curves fitted by R's survival to ends known by whole ages only
# (interval-censored). Writes interval_survival.json beside this script: Rscript tests/reference/interval_survival.R
library(survival)
counts <- data.frame(
  age = 1:10,
  at_risk = c(1000, 869, 743, 653, 593, 551, 517, 491, 468, 445),
  events = c(131, 126, 90, 60, 42, 34, 26, 23, 23, 18)
)
last <- nrow(counts)
left <- c(counts$age - 1, last)
right <- c(counts$age, NA)
weight <- c(counts$events, counts$at_risk[last] - counts$events[last])
left[left == 0] <- NA
fits <- lapply(c(weibull = "weibull", log_normal = "lognormal", log_logistic = "loglogistic"), function(dist) {
  fit <- survreg(Surv(left, right, type = "interval2") ~ 1, weights = weight, dist = dist,
                 control = survreg.control(rel.tolerance = 1e-12, maxiter = 200))
  list(location = unname(coef(fit)), scale = fit$scale, log_likelihood = fit$loglik[2])
})
number <- function(x) format(x, digits = 15)
lines <- sapply(names(fits), function(name) sprintf(
  '  "%s": {"location": %s, "scale": %s, "log_likelihood": %s}',
  name, number(fits[[name]]$location), number(fits[[name]]$scale), number(fits[[name]]$log_likelihood)))
script <- sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))
writeLines(c("{", paste(lines, collapse = ",\n"), "}"), file.path(dirname(script), "interval_survival.json"))
