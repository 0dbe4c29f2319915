# Reference values for tests/test_grouped_hazards.py from R's survival package (Terry Therneau) and R's glm.
#   Rscript tests/reference/hazards.R > tests/reference/hazards.json
# The data are drawn here: subjects under monthly or annual term enter at some age (delayed entry), change how regularly they
# use something from month to month, and end at a hazard that depends on it, on a plan and on size. An annual term ends only
# at its anniversaries. They are written as counts over the full grid of cells, month varying fastest.
suppressPackageStartupMessages(library(survival))
RNGkind("Mersenne-Twister", "Inversion", "Rejection")

number <- function(x) ifelse(is.na(x), "null", sprintf("%.12g", x))
vector <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
object <- function(...) paste0("{", paste(c(...), collapse = ",\n"), "}")

months <- 24
draw <- function(subjects, hazard, seed) {
  set.seed(seed)
  term <- ifelse(runif(subjects) < 0.4, 12, 1)
  plan <- sample(1:3, subjects, replace = TRUE, prob = c(0.5, 0.3, 0.2))
  large <- rbinom(subjects, 1, 0.4)
  entry <- ifelse(runif(subjects) < 0.3, sample(0:11, subjects, replace = TRUE), 0)
  rows <- list()
  use <- sample(0:3, subjects, replace = TRUE)
  here <- rep(TRUE, subjects)
  for (month in 1:months) {
    move <- sample(c(-1, 0, 0, 1), subjects, replace = TRUE)
    use <- pmin(pmax(use + move, 0), 3)
    at_risk <- here & entry < month
    due <- term == 1 | month %% 12 == 0
    rate <- hazard * ifelse(term == 1, 1 - month / 60, 1) * exp(-0.5 * use / 3 + 0.3 * (plan == 2) - 0.2 * large)
    ended <- at_risk & due & runif(subjects) < 1 - exp(-rate)
    rows[[month]] <- data.frame(term, plan, large, use, month, ended = as.integer(ended))[at_risk, ]
    here <- here & !ended
  }
  do.call(rbind, rows)
}

describe <- function(subjects, hazard, seed) {
  data <- draw(subjects, hazard, seed)
  data$regular <- data$use / 3
  data$plan <- relevel(factor(data$plan), ref = "1")
  cells <- table(data$month, data$term, data$plan, data$large, data$use)
  events <- xtabs(ended ~ month + term + plan + large + use, data)
  cox <- function(ties) coxph(Surv(month - 1, month, ended) ~ plan + large + regular + strata(term), data, ties = ties)
  efron <- cox("efron")
  breslow <- cox("breslow")
  # Only strata with events: the others' baselines are minus infinity.
  key <- interaction(data$term, data$month)
  kept <- key %in% names(which(tapply(data$ended, key, sum) > 0))
  grouped <- glm(ended ~ 0 + factor(key[kept]) + plan + large + regular, binomial("cloglog"), data[kept, ],
               control = glm.control(epsilon = 1e-14, maxit = 100))
  slopes <- c("plan2", "plan3", "large", "regular")
  object(
    field("at_risk", vector(cells)), field("events", vector(events)),
    field("efron", vector(coef(efron)[slopes])), field("efron_error", vector(sqrt(diag(vcov(efron)))[slopes])),
    field("breslow", vector(coef(breslow)[slopes])),
    field("cloglog", vector(coef(grouped)[slopes])), field("cloglog_log_likelihood", number(as.numeric(logLik(grouped)))))
}

cat(object(
  field("origin", paste0("\"R ", R.version$major, ".", R.version$minor, ", survival ", packageVersion("survival"), "\"")),
  field("months", months),
  field("slopes", "[\"plan2\",\"plan3\",\"large\",\"regular\"]"),
  field("hazard_01", describe(3000, 0.01, 1)),
  field("hazard_04", describe(3000, 0.04, 2)),
  field("hazard_10", describe(3000, 0.10, 3))), "\n", sep = "")
