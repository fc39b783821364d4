"""Names of metrics as libraries and fields write them, in words joined by `_`: better if higher, if lower, or neither.

A name here is matched against whole words of a metric's name. The sources stand above each group; where a word means
two things (`coverage`, `ks`, `theils_u`, `lift` of a threshold), it is left out, so that nobody is told a guess.
"""

from __future__ import annotations


def _names(*groups: str) -> frozenset[str]:
    return frozenset(" ".join(groups).split())


HIGHER = _names(
    """
    accuracy acc score scores area_under_curve area_under_the_curve area_under_roc area_under_the_roc_curve skill
    skill_score precision prec recall auc roc roc_auc auroc rocauc aucroc auc_roc f1 f2 f0_5 f05 f_1 f_beta f_score
    fscore f_measure fmeasure fbeta fbeta_score fmacro correct_rate correct hit hits hit_rate success success_rate
    pass_rate win_rate winrate map ap mean_average_precision average_precision similarity agreement improvement
    reduction gain gains uplift lift quality fitness reward rewards rew return returns profit revenue savings usefulness
    sharpe sharpe_ratio sortino sortino_ratio calmar calmar_ratio pnl utility
    """,
    # https://scikit-learn.org/stable/modules/model_evaluation.html
    """
    balanced_accuracy top_k_accuracy f1_samples precision_samples recall_samples jaccard_samples jaccard
    jaccard_index matthews matthews_corrcoef mcc phi cohen_kappa kappa cohens_kappa quadratic_kappa qwk
    variance_explained explained_variance
    r2 rsquared r_squared r_2 r2_score adj_r2 adjusted_r2 d2 d2_absolute_error_score
    d2_absolute_error d2_brier_score d2_brier d2_log_loss_score d2_log_loss d2_pinball_score d2_pinball
    d2_tweedie_score d2_tweedie dcg ndcg label_ranking_average_precision lrap positive_likelihood_ratio
    adjusted_mutual_info adjusted_rand ari ami nmi mutual_info normalized_mutual_info completeness fowlkes_mallows
    homogeneity v_measure rand rand_index silhouette silhouette_coefficient calinski_harabasz calinski consensus
    """,
    # https://xgboost.readthedocs.io/en/stable/parameter.html and https://lightgbm.readthedocs.io/en/stable/Parameters.html
    """
    aucpr auc_pr prauc pr_auc auprc aupr interval_regression_accuracy auc_mu
    """,
    # https://catboost.ai/docs/en/concepts/loss-functions
    """
    normalized_gini gini query_auc queryauc wkappa pair_accuracy total_f1 totalf1 pfound filtered_dcg filtereddcg
    average_gain precision_at recall_at log_likelihood_of_prediction
    """,
    # https://keras.io/api/metrics/
    """
    binary_accuracy categorical_accuracy top_k_categorical_accuracy cosine_similarity cosine_proximity mean_io_u
    io_u one_hot_io_u binary_io_u sensitivity_at_specificity specificity_at_sensitivity precision_at_recall
    recall_at_precision pearson_correlation concordance_correlation
    """,
    # https://docs.ultralytics.com/guides/yolo-performance-metrics/ and https://cocodataset.org/#detection-eval
    """
    map50 map75 map95 map_50 map50_95 map5095 ap50 ap75 ap95 aps apm apl ar ar1 ar10 ar100 mar mar_1 mar_10 mar_100
    top1 top5 top_1 top_5 top_k acc1 acc5 iou miou m_iou giou ciou diou mean_iou pq sq rq panoptic_quality mota motp
    idf1 hota deta assa oks pck pckh
    """,
    # https://huggingface.co/evaluate-metric and https://github.com/EleutherAI/lm-evaluation-harness
    """
    exact_match exact em bleu sacrebleu google_bleu gleu bleurt rouge rouge1 rouge2 rougel rougelsum rouge_1 rouge_2
    rouge_l rouge_lsum meteor bertscore bert_score chrf chrf++ chrf2 comet mauve wip matthews_correlation pearsonr
    spearmanr pearson spearman kendall kendalltau kendall_tau corr correlation corrcoef correlation_coefficient nist
    nist_mt cider spice acc_norm mc1 mc2 uas las pass_1 pass_5 pass_10 pass_100 pass_at_1 pass_at_10 pass_at_100
    pass_at_k faithfulness groundedness answer_relevancy
    """,
    # https://lightning.ai/docs/torchmetrics/stable/
    """
    average_recall specificity sensitivity logauc log_auc dice dsc dice_coef dice_coefficient generalized_dice psnr
    psnrb ssim ms_ssim msssim uqi scc qnr vif clip_score clipscore clip_iqa inception_score pesq si_sdr sisdr si_snr
    sisnr sdr sa_sdr snr stoi srmr nisqa dnsmos mos dunn dunn_index cluster_accuracy cramers_v fleiss_kappa
    pearson_contingency_coefficient tschuprows_t concordance_corrcoef ccc critical_success_index csi r_precision mrr
    mean_reciprocal_rank reciprocal_rank rr anls sari
    pearsons_contingency_coefficient hit_ratio vmaf peak_signal_noise_ratio peak_signal_to_noise_ratio
    signal_noise_ratio signal_to_noise_ratio signal_distortion_ratio signal_to_distortion_ratio image_quality_index
    intelligibility fidelity word_info_preserved intersection_over_union
    """,
    # https://lifelines.readthedocs.io, https://scikit-survival.readthedocs.io and https://www.statsmodels.org
    """
    c_index cindex concordance concordance_index cumulative_dynamic_auc log_likelihood loglikelihood loglik llf
    log_lik likelihood elbo evidence_lower_bound pseudo_r2 prsquared rsquared_adj adj_r_squared adjusted_r_squared
    nse kge willmott
    """,
    # https://en.wikipedia.org/wiki/Confusion_matrix
    """
    tpr tnr ppv npv true_positive_rate true_negative_rate tp_rate tn_rate positive_predictive_value
    negative_predictive_value selectivity informedness bookmaker_informedness markedness youden youdens_j youden_j
    geometric_mean gmean g_mean threat_score purity plcc srcc krcc srocc lcc pcc hr_1 hr_5 hr_10 hr_20 ndcg_at_k
    map_at_k precision_at_k recall_at_k arhr throughput
    """,
)

LOWER = _names(
    """
    loss losses error errors cost costs risk deviance divergence distance dist entropy perplexity ppl
    misclassification misclassification_rate misclassified mistakes regret drawdown drop degradation penalty
    violation violations latency memory memory_usage impurity inertia distortion disparity failure_rate drop_rate
    toxicity hallucination hallucination_rate rejection_rate
    """,
    # https://scikit-learn.org/stable/modules/model_evaluation.html
    """
    log_loss logloss brier brier_score brier_score_loss hamming_loss hinge_loss zero_one_loss coverage_error
    label_ranking_loss ranking_loss max_error mean_absolute_error mean_squared_error root_mean_squared_error
    mean_squared_log_error root_mean_squared_log_error median_absolute_error mean_absolute_percentage_error
    mean_pinball_loss pinball pinball_loss mean_poisson_deviance mean_gamma_deviance mean_tweedie_deviance
    negative_likelihood_ratio davies_bouldin davies_bouldin_score dbi reconstruction_error
    """,
    # https://xgboost.readthedocs.io/en/stable/parameter.html and https://lightgbm.readthedocs.io/en/stable/Parameters.html
    """
    rmse rmsle mae mape mphe merror mlogloss poisson_nloglik gamma_nloglik cox_nloglik tweedie_nloglik aft_nloglik
    nloglik gamma_deviance quantile expectile l1 l2 huber fair poisson gamma tweedie binary_logloss binary_error
    multi_logloss multi_error cross_entropy crossentropy cross_entropy_lambda kullback_leibler kldiv
    """,
    # https://catboost.ai/docs/en/concepts/loss-functions
    """
    balanced_error_rate zero_one hamming multi_quantile rmse_with_uncertainty log_lin_quantile lq logcosh log_cosh
    num_errors n_errors smape msle cox survival_aft multi_class multi_class_one_vs_all multi_cross_entropy
    pair_logit query_rmse query_cross_entropy query_soft_max multi_rmse multirmse queryrmse multiclass
    """,
    # https://keras.io/api/metrics/ and https://keras.io/api/losses/
    """
    binary_crossentropy categorical_crossentropy kl_divergence kl kld kullback_leibler_divergence mse msle hinge
    squared_hinge categorical_hinge mean_absolute_percentage_error mean_squared_logarithmic_error triplet
    """,
    # https://docs.ultralytics.com/guides/yolo-performance-metrics/ and https://huggingface.co/evaluate-metric
    """
    box_loss cls_loss dfl_loss obj_loss wer cer mer wil ter per_token_loss mase word_error_rate character_error_rate
    char_error_rate token_error_rate sentence_error_rate bits_per_byte bits_per_character bits_per_dim
    bits_per_token bpb bpc bpd mean_perplexity byte_perplexity word_perplexity frontier_integral
    """,
    # https://lightning.ai/docs/torchmetrics/stable/
    """
    learned_perceptual_image_patch_similarity word_info_lost word_information_lost continuous_ranked_probability_score
    ranked_probability_score rps spectral_angle_mapper calibration_error ece mce
    ace eer equal_error_rate hamming_distance fid kid
    lpips mifid
    deep_image_structure_and_texture_similarity ergas rase
    total_variation spectral_angle perceptual_path_length dists d_lambda hausdorff hausdorff_distance hd95 hd crps
    jensen_shannon_divergence jsd minkowski_distance nrmse relative_squared_error rse wmape wape fall_out fallout
    edit_distance extended_edit_distance eed levenshtein translation_edit_rate procrustes procrustes_disparity
    """,
    # https://lifelines.readthedocs.io, https://scikit-survival.readthedocs.io and https://www.statsmodels.org
    """
    integrated_brier_score ibs aic bic aicc hqic fpe dic waic looic nll nlpd nlpd_loss energy_score
    """,
    # Of forecasting, speech, geometry and fairness: the names in https://unit8co.github.io/darts and https://fairlearn.org
    """
    rae rrse mre mrae medae mdae mdape medape rmsse msse mase smdape maape mbe_abs ope marre cv_rmse cvrmse ql
    winkler coefficient_of_variation abs_rel sq_rel rmse_log silog mpjpe pa_mpjpe epe mpvpe chamfer chamfer_distance
    emd wasserstein wasserstein_distance mmd assd der cder jer min_dcf mindcf dcf mcd id_switches idsw frag
    demographic_parity_difference equalized_odds_difference equal_opportunity_difference
    statistical_parity_difference bce cce ce xent nce err mean_rank xie_beni
    """,
    # https://en.wikipedia.org/wiki/Confusion_matrix
    """
    fpr fnr fdr fp_rate fn_rate false_positive_rate false_negative_rate false_discovery_rate false_omission_rate
    false_alarm_rate false_alarms miss_rate error_rate type_i_error type_ii_error false_acceptance_rate
    false_rejection_rate far frr
    """,
)

# Names that look like one of the above and say nothing of a direction; a signed mean error has its best value at zero.
NEITHER = _names(
    """
    learning_rate mean_error mean_bias_error bias_error forecast_error_mean signed_error mbe me bias residual
    loss_scale loss_weight class_weight cost_matrix error_bars margin_of_error standard_error anomaly_score
    risk_score propensity_score z_score gain_ratio score_threshold score_threshold_used true_positive true_negative
    false_positive false_negative true_positives true_negatives false_positives false_negatives map_size hit_count
    memory_limit return_code returncode exit_code ks ks_statistic theils_u coverage positive_rate prediction_rate
    predicted_rate base_rate prevalence p_value pvalue dropout_rate risk_ratio hazard_ratio odds_ratio
    """,
)

# Losses and likelihoods are what libraries negate.
LIKELIHOODS = _names("log_likelihood loglikelihood loglik llf log_lik likelihood elbo evidence_lower_bound")

# What a spread, a counter or a setting is called says nothing of the model, wherever the word stands …
VETO = _names(
    """
    rank std stdev stddev sd stderr sem gap step steps epoch epochs iter iters iteration iterations lr support supports
    count counts seed timestamp runtime walltime flops flos pvalue
    """
)
# … and these do so as the last word only: `time_to_event_auc` is an AUC.
VETO_LAST = _names(
    """
    time times samples size sizes seconds minutes hours duration threshold cutoff weight weights delta diff
    difference change id
    """
)
UNITS = _names("ms us ns s sec secs min mins h mb mib gb gib kb kib bytes pct percent")
