// Rescorla-Wagner choices as they are usually written in Stan: a loop over people and
// trials, a vector of option values, one softmax choice per trial.
data {
  int<lower=1> participants;
  int<lower=1> recipients;
  int<lower=1> trials;
  array[participants, recipients, trials] int<lower=0, upper=1> choice;
  array[participants, recipients, trials] real outcome;
  real start_value;
  vector[2] learning_rate_prior;
  vector[2] inverse_temperature_prior;
}
parameters {
  vector[recipients] learning_rate_mean;
  vector<lower=0>[recipients] learning_rate_spread;
  vector[recipients] inverse_temperature_mean;
  vector<lower=0>[recipients] inverse_temperature_spread;
  matrix[participants, recipients] learning_rate_deviation;
  matrix[participants, recipients] inverse_temperature_deviation;
}
transformed parameters {
  matrix[participants, recipients] learning_rate;
  matrix[participants, recipients] inverse_temperature;
  for (r in 1:recipients) {
    learning_rate[, r] = inv_logit(learning_rate_mean[r]
        + learning_rate_spread[r] * learning_rate_deviation[, r]);
    inverse_temperature[, r] = exp(inverse_temperature_mean[r]
        + inverse_temperature_spread[r] * inverse_temperature_deviation[, r]);
  }
}
model {
  learning_rate_mean ~ normal(learning_rate_prior[1], 1);
  learning_rate_spread ~ normal(0, learning_rate_prior[2]);
  inverse_temperature_mean ~ normal(inverse_temperature_prior[1], 1);
  inverse_temperature_spread ~ normal(0, inverse_temperature_prior[2]);
  to_vector(learning_rate_deviation) ~ std_normal();
  to_vector(inverse_temperature_deviation) ~ std_normal();
  for (i in 1:participants) {
    for (r in 1:recipients) {
      vector[2] value = rep_vector(start_value, 2);
      for (t in 1:trials) {
        int option = choice[i, r, t] + 1;
        option ~ categorical_logit(inverse_temperature[i, r] * value);
        value[option] += learning_rate[i, r] * (outcome[i, r, t] - value[option]);
      }
    }
  }
}
