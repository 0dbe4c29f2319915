# Reference values for tests/test_proportionality.py from R's survival package (Terry Therneau).
#   Rscript tests/reference/proportionality.R > tests/reference/proportionality.json
# The data are survival's veteran (Kalbfleisch and Prentice 1980), known for a performance status and cell types whose
# effects fade: time in months of 30 days, the status in three bands, one stratum a treatment.
suppressPackageStartupMessages(library(survival))

number <- function(x) ifelse(is.na(x), "null", sprintf("%.12g", x))
vector <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
texts <- function(x) paste0("[", paste0("\"", x, "\"", collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
object <- function(...) paste0("{", paste(c(...), collapse = ",\n"), "}")

data <- veteran[veteran$time <= 600, ]
data$month <- ceiling(data$time / 10)
data$status3 <- as.character(cut(data$karno, c(0, 40, 70, 100), c("low", "middle", "high")))
data$status3 <- relevel(factor(data$status3), ref = "middle")
data$celltype <- relevel(factor(as.character(data$celltype)), ref = "squamous")
fit <- coxph(Surv(month, status) ~ status3 + celltype + strata(trt), data, ties = "efron")
plain <- cox.zph(fit, transform = "rank", global = FALSE)$table
cat(object(
  field("origin", paste0("\"R ", R.version$major, ".", R.version$minor, ", survival ", packageVersion("survival"), "\"")),
  field("data", object(
    field("month", vector(data$month)), field("event", vector(data$status)), field("treatment", vector(data$trt)),
    field("status", texts(as.character(data$status3))), field("cell", texts(as.character(data$celltype))))),
  field("slopes", texts(names(coef(fit)))),
  field("efron", vector(coef(fit))), field("efron_error", vector(sqrt(diag(vcov(fit))))),
  field("status", vector(plain["status3", ])), field("cell", vector(plain["celltype", ]))), "\n", sep = "")
