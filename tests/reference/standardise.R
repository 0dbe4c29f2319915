# Reference values for tests/test_standardise.py from R's glm, its predictions averaged by hand.
#   Rscript tests/reference/standardise.R > tests/reference/standardise.json
# The data are R's own: infert (Trichopoulos et al. 1976), cases by an earlier spontaneous abortion, at equal age, parity
# and education. The fraction is made of it.
data <- infert
data$inside <- as.integer(data$spontaneous > 0)
data$education <- as.integer(data$education)
data$level <- factor(data$education)
data$part <- data$case * (1 + data$induced) / 3

number <- function(x) sprintf("%.12g", x)
vector <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
object <- function(...) paste0("{", paste(c(...), collapse = ",\n"), "}")

standardised <- function(outcome, weight, over) {
  data$y <- data[[outcome]]
  data$weight <- weight
  fit <- suppressWarnings(glm(y ~ age + parity + level + inside, binomial, data, weights = weight))
  share <- weight * over / sum(weight * over)
  predicted <- lapply(1:0, function(s) predict(fit, transform(data, inside = s), type = "response"))
  slope <- lapply(1:0, function(s) {
    x <- model.matrix(fit)
    x[, "inside"] <- s
    p <- predicted[[2 - s]]
    colSums(x * share * p * (1 - p))
  })
  difference <- slope[[1]] - slope[[2]]
  gap <- predicted[[1]] - predicted[[2]]
  object(
    field("share", number(sum(share * predicted[[1]]))), field("rest_share", number(sum(share * predicted[[2]]))),
    field("of_model", number(drop(difference %*% summary(fit, dispersion = 1)$cov.unscaled %*% difference))),
    field("of_base", number(sum((share * (gap - sum(share * gap)))^2))))
}

one <- rep(1, nrow(data))
null <- glm(case ~ age + parity + level, binomial, data)
full <- glm(case ~ age + parity + level + inside, binomial, data)
cat(object(
  field("age", vector(data$age)), field("parity", vector(data$parity)), field("education", vector(data$education)),
  field("inside", vector(data$inside)), field("case", vector(data$case)), field("part", vector(data$part)),
  field("all", standardised("case", one, one)),
  field("group", standardised("case", one, data$inside)),
  field("fraction_by_weight", standardised("part", data$age, one)),
  field("rao", number(anova(null, full, test = "Rao")$Rao[2]))), "\n")
