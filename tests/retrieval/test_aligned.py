from ragstone.retrieval.aligned import aligned_tables


def test_lines_that_end_with_as_many_numbers_are_a_table():
    rows = "Sales 2019 2020\nEggs €1,250 (3.5%)\nRye bread - 12\n"
    text = f"The year:\n{rows}It is 1 2.\nCall 030 1234\n\nOnly 7\n12 13\n"
    (table,) = aligned_tables(text)
    assert table.header is not None
    assert table.header.cells == ("Sales", "2019", "2020")
    assert [row.cells for row in table.rows] == [("Eggs", "€1,250", "(3.5%)"), ("Rye bread", "-", "12")]
    assert [text[row.start : row.end] for row in table.rows] == ["Eggs €1,250 (3.5%)", "Rye bread - 12"]


def test_a_header_may_be_years_alone_and_may_be_missing():
    years, bare = aligned_tables("2019 2020\n\nEggs 1 2\nBread 3 4\n\nMilk 5 6\nWine 7 8\nBeer 7 8 9")
    assert years.header is not None and years.header.cells == ("", "2019", "2020")
    assert bare.header is None and [row.cells[0] for row in bare.rows] == ["Milk", "Wine"]


def test_numbers_beyond_the_columns_of_a_header_belong_to_what_the_line_begins_with():
    (table,) = aligned_tables("Balance 2019 2020\nLoans, note 5 12 13\nTotal 12 13")
    assert [row.cells for row in table.rows] == [("Loans, note 5", "12", "13"), ("Total", "12", "13")]
    assert list(aligned_tables("Loans, note 5 12 13\nTotal 12 13")) == []


def test_a_second_line_of_years_begins_another_table():
    first, second = aligned_tables("EUR 2019 2020\nEggs 1 2\nBread 3 +4\nEUR 2021 2022\nEggs 5 6\nBread 7 8\n")
    assert first.header is not None and second.header is not None
    assert (first.header.cells, second.header.cells) == (("EUR", "2019", "2020"), ("EUR", "2021", "2022"))
    assert [row.cells for row in second.rows] == [("Eggs", "5", "6"), ("Bread", "7", "8")]


def test_lines_may_end_as_on_windows():
    (table,) = aligned_tables("EUR 2019 2020\r\n\r\nEggs 1 2\r\nBread 3 4\r\n")
    assert table.header is not None
    assert [row.cells for row in table.rows] == [("Eggs", "1", "2"), ("Bread", "3", "4")]


def test_only_a_part_of_a_text_is_looked_at():
    text = "Eggs 1 2\nBread 3 4\nWine 5 6\nBeer 7 8"
    (table,) = aligned_tables(text, text.index("Bread"), text.index("\nBeer"))
    assert [row.cells[0] for row in table.rows] == ["Bread", "Wine"]
    assert list(aligned_tables("")) == list(aligned_tables("One line 1 2")) == []
