# Reference values for tests/test_survival.py from R's survival package (Terry Therneau).
#   Rscript tests/reference/survival.R > tests/reference/survival.json
# The data are the package's own: lung (Loprinzi et al. 1994) in whole months of 30 days; delayed entry is made of it.
suppressPackageStartupMessages(library(survival))

number <- function(x) ifelse(is.na(x), "null", sprintf("%.12g", x))
vector <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
object <- function(...) paste0("{", paste(c(...), collapse = ",\n"), "}")

data <- lung[!is.na(lung$ph.ecog) & lung$ph.ecog < 3, ]
month <- ceiling(data$time / 30)
event <- as.integer(data$status == 2)
group <- data$ph.ecog
# Every third patient enters late, halfway (rounded down): never at or after the exit.
entry <- ifelse(seq_along(month) %% 3 == 0, floor(month / 2), 0)

describe <- function(fit, horizon) {
  at <- summary(fit, times = 1:horizon)
  mean <- summary(fit, rmean = horizon)$table
  middle <- quantile(fit, 0.5)
  object(
    field("age", vector(at$time)), field("n", vector(at$n.risk)), field("events", vector(at$n.event)),
    field("survival", vector(at$surv)), field("low", vector(at$lower)), field("high", vector(at$upper)),
    field("median", vector(c(middle$quantile, middle$lower, middle$upper))),
    field("restricted_mean", vector(c(mean[["rmean"]], mean[["se(rmean)"]]))))
}

plain <- survfit(Surv(month, event) ~ 1, conf.type = "log-log")
late <- survfit(Surv(entry, month, event) ~ 1, conf.type = "log-log")
test <- survdiff(Surv(month, event) ~ group)
# survdiff takes no delayed entry. The log-rank test is the generalised Cochran-Mantel-Haenszel test of group by event over
# the person-months' risk sets, which base R has.
months <- sort(unique(month[event == 1]))
cells <- sapply(months, function(k) {
  at_risk <- entry < k & month >= k
  ended <- at_risk & month == k & event == 1
  table(factor(group[at_risk], levels = 0:2), factor(ended[at_risk], levels = c(FALSE, TRUE)))
}, simplify = "array")
several <- apply(cells, 3, sum) > 1
score <- mantelhaen.test(array(cells, c(3, 2, length(months)))[, , several], correct = FALSE)
pair <- function(a, b) {
  chosen <- group %in% c(a, b)
  survdiff(Surv(month[chosen], event[chosen]) ~ group[chosen])$chisq
}

cat(object(
  field("origin", paste0("\"R ", R.version$major, ".", R.version$minor, ", survival ", packageVersion("survival"), "\"")),
  field("data", object(
    field("entry", vector(entry)), field("exit", vector(month)), field("event", vector(event)),
    field("group", vector(group)))),
  field("plain", describe(plain, 24)),
  field("late", describe(late, 24)),
  field("logrank", object(
    field("statistic", number(test$chisq)), field("observed", vector(test$obs)), field("expected", vector(test$exp)))),
  field("late_logrank", vector(c(score$statistic, score$parameter, score$p.value))),
  field("pairs", vector(c(pair(0, 1), pair(0, 2), pair(1, 2))))), "\n", sep = "")
