/* SPDX-License-Identifier: Apache-2.0 */
/* What launches choose: the rule where nothing is wanted, what is wanted where there is that, and its text. */
#include "oc_test.h"

#include "oc_op.h"

#include <stdio.h>

static const int32_t sizes[] = {8, 4, 8, 2, 4};

static int32_t choose(const char *wanted, oc_launch_list *list)
{
    *list = (oc_launch_list){.wanted = wanted};
    return oc_launch_choose(list, "size", 4, sizes, OC_COUNT(sizes));
}

static void the_rule_comes_first_and_each_value_once(void **state)
{
    oc_launch_list list;
    (void)state;
    assert_int_equal(choose(NULL, &list), 4);
    assert_int_equal(list.choices.count, 1);
    const oc_choice *c = &list.choices.of[0];
    assert_string_equal(c->name, "size");
    assert_int_equal(c->n_values, 3);
    assert_int_equal(c->values[0], 4);
    assert_int_equal(c->values[1], 8);
    assert_int_equal(c->values[2], 2);
    assert_int_equal(c->taken, 0);
}

/* Where there is only one value nothing is chosen, and nothing told. */
static void one_value_is_no_choice(void **state)
{
    oc_launch_list list = {.wanted = "size=3"};
    const int32_t same[] = {4, 4};
    char text[OC_CHOICE_TEXT];
    (void)state;
    assert_int_equal(oc_launch_choose(&list, "size", 4, same, 2), 4);
    assert_int_equal(oc_launch_choose(&list, "size", 4, NULL, 0), 4);
    assert_int_equal(list.choices.count, 0);
    assert_string_equal(oc_choices_print(&list.choices, text), "");
}

static void what_is_wanted_is_taken_where_it_is_there(void **state)
{
    static const struct {
        const char *wanted;
        int32_t taken;
    } rows[] = {
        {"size=8", 8},
        {"size=2", 2},
        {"rows=1 size=2", 2},
        {"size=2 rows=1", 2},
        {"size=3", 4},
        {"size=-8", 4},
        {"size=", 4},
        {"size", 4},
        {"", 4},
        {" size=2", 2},
        {"oversize=2", 4},
        {"sizes=2", 4},
        {"size=4294967298", 4},
        {"size =2", 4},
        {"rows=2 ", 4},
        {"=2", 4},
        {"size=9999999999999999999999", 4},
        {"rows=8", 4},
        {"SIZE=8", 4},
    };
    oc_launch_list list;
    (void)state;
    for (size_t i = 0; i < OC_COUNT(rows); i++) {
        const int32_t taken = choose(rows[i].wanted, &list);
        const oc_choice *c = &list.choices.of[0];
        if (taken != rows[i].taken)
            print_error("'%s'\n", rows[i].wanted);
        assert_int_equal(taken, rows[i].taken);
        assert_int_equal(c->values[c->taken], taken);
    }
}

/* Two choices, of which the second depends on the first. */
static void choose_two(const char *wanted, oc_choices *choices)
{
    oc_launch_list list = {.wanted = wanted};
    const int32_t first[] = {1, 2};
    const int32_t a = oc_launch_choose(&list, "a", 1, first, 2);
    const int32_t second[] = {10 * a, 10 * a + 1, 10 * a + 2};
    oc_launch_choose(&list, "b", 10 * a, second, 3);
    *choices = list.choices;
}

static void one_choice_varies_and_later_ones_follow_the_rule(void **state)
{
    oc_choices choices;
    char text[OC_CHOICE_TEXT];
    (void)state;
    choose_two(NULL, &choices);
    assert_string_equal(oc_choices_print(&choices, text), "a=1 b=10");
    choose_two(oc_choices_vary(&choices, 1, 2, text), &choices);
    assert_string_equal(text, "a=1 b=12");
    assert_string_equal(oc_choices_print(&choices, text), "a=1 b=12");
    choose_two(oc_choices_vary(&choices, 0, 1, text), &choices);
    assert_string_equal(text, "a=2");
    assert_string_equal(oc_choices_print(&choices, text), "a=2 b=20");
    choose_two(oc_choices_vary(&choices, 1, 1, text), &choices);
    assert_string_equal(oc_choices_print(&choices, text), "a=2 b=21");
}

static void more_than_there_is_room_for_follows_the_rule(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    oc_launch_list list = {.wanted = "a=8 b=8 c=8 d=8 e=8 f=8"};
    int32_t many[OC_CHOICE_VALUES + 4];
    (void)state;
    for (size_t i = 0; i < OC_COUNT(names); i++)
        assert_int_equal(oc_launch_choose(&list, names[i], 4, sizes, OC_COUNT(sizes)),
                         i < OC_CHOICES ? 8 : 4);
    assert_int_equal(list.choices.count, OC_CHOICES);
    list.choices.count = 0;
    for (size_t i = 0; i < OC_COUNT(many); i++)
        many[i] = (int32_t)i;
    oc_launch_choose(&list, "many", 0, many, OC_COUNT(many));
    assert_int_equal(list.choices.of[0].n_values, OC_CHOICE_VALUES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_comes_first_and_each_value_once),
        cmocka_unit_test(one_value_is_no_choice),
        cmocka_unit_test(what_is_wanted_is_taken_where_it_is_there),
        cmocka_unit_test(one_choice_varies_and_later_ones_follow_the_rule),
        cmocka_unit_test(more_than_there_is_room_for_follows_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
