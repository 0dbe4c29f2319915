# Reference values for tests/test_competing_risks.py from R's cmprsk (Bob Gray) and survival (Terry Therneau).
#   Rscript tests/reference/competing_risks.R > tests/reference/competing_risks.json
# The data are survival's mgus2 (Kyle et al. 2002): progression to a plasma cell malignancy against death without it, in
# whole half-years, by age at diagnosis; delayed entry is made of it. cmprsk takes none, so there survival alone is asked.
suppressPackageStartupMessages({library(survival); library(cmprsk)})

number <- function(x) ifelse(is.na(x), "null", sprintf("%.12g", x))
vector <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
object <- function(...) paste0("{", paste(c(...), collapse = ",\n"), "}")

data <- mgus2[seq(1, nrow(mgus2), by = 2), ]
time <- ifelse(data$pstat == 1, data$ptime, data$futime)
exit <- ceiling(pmax(time, 1) / 6)
cause <- ifelse(data$pstat == 1, 1, 2 * data$death)
group <- 1 + (data$age >= 65) + (data$age >= 78)
# Every third enters late, a quarter of the way (rounded down): never at or after the exit.
entry <- ifelse(seq_along(exit) %% 3 == 0, floor(exit / 4), 0)
ages <- c(2, 5, 10, 20, 30, 40)

gray <- cuminc(exit, cause, group)
plain <- timepoints(cuminc(exit, cause), ages)
states <- function(fit) {
  at <- summary(fit, times = ages)
  object(field("one", vector(at$pstate[, 2])), field("two", vector(at$pstate[, 3])),
         field("one_error", vector(at$std.err[, 2])), field("two_error", vector(at$std.err[, 3])))
}
how <- factor(cause, 0:2)
id <- seq_along(exit)
cat(object(
  field("origin", paste0("\"R ", R.version$major, ".", R.version$minor, ", survival ", packageVersion("survival"),
                         ", cmprsk ", packageVersion("cmprsk"), "\"")),
  field("ages", vector(ages)),
  field("data", object(field("entry", vector(entry)), field("exit", vector(exit)), field("cause", vector(cause)),
                       field("group", vector(group)))),
  field("cuminc", object(field("one", vector(plain$est[1, ])), field("two", vector(plain$est[2, ])),
                         field("one_variance", vector(plain$var[1, ])), field("two_variance", vector(plain$var[2, ])))),
  field("gray", object(field("one", vector(gray$Tests[1, ])), field("two", vector(gray$Tests[2, ])))),
  field("plain", states(survfit(Surv(exit, how) ~ 1))),
  field("late", states(survfit(Surv(entry, exit, how) ~ 1, id = id)))), "\n", sep = "")
